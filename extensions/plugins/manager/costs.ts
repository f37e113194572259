import type { Client, Manifest } from "@plinth/sdk";

type Usage = Awaited<ReturnType<Client<"plinth.host">["describe"]>>["usage"];

const MIB = 1_048_576;

/** Each budget with what is used of it, where that is known. */
export function budgetLine(budgets: Manifest["budgets"], usage: Usage): string {
  const used: { [budget: string]: string | undefined } = {
    heapMb: usage?.process && !usage.process.shared ? mib(usage.process.memoryBytes) : undefined,
    concurrentCalls: usage === undefined ? undefined : String(usage.inFlight),
  };
  const lines = Object.entries(budgets ?? {}).map(([name, value]) => `${name} ${value}${used[name] === undefined ? "" : ` (now ${used[name]})`}`);
  return lines.join(", ") || "the host's defaults";
}

/** What it did and costs, as facts; nothing where it never ran. */
export function costs(usage: Usage): [string, string][] {
  if (usage === undefined || usage.counts.activations === 0) return [];
  const { counts, inFlight, process, breakerOpen } = usage;
  const calls = [`${counts.calls} calls`, `${inFlight} in flight`, `${counts.errors} failed`, `${counts.refused} refused`];
  if (breakerOpen) calls.push("left alone for a short time after failures");
  const facts: [string, string][] = [["Calls", calls.join(", ")]];
  if (process !== undefined) {
    const where = process.pid === null ? "" : `, process ${process.pid}${process.shared ? ", shared with others of its publisher" : ""}`;
    facts.push(["Costs", `${(process.cpuMs / 1_000).toFixed(2)} s of CPU, ${mib(process.memoryBytes)}${where}`]);
  }
  if (counts.egressBytes > 0) facts.push(["Network", mib(counts.egressBytes)]);
  if (counts.blockedMs > 0) facts.push(["Held up the host", `${Math.round(counts.blockedMs)} ms, longest ${Math.round(counts.longestBlockMs)} ms`]);
  return facts;
}

function mib(bytes: number): string {
  return bytes < MIB / 10 ? `${Math.round(bytes / 1_024)} KiB` : `${(bytes / MIB).toFixed(1)} MiB`;
}
