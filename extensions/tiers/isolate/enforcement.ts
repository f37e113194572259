import { type Enforcement, found, systemWall } from "@plinth/sdk/tiers";
import { addonPath } from "./isolate-process.ts";

/** What holds an extension on this machine, said honestly. */
export async function enforcement(): Promise<Enforcement> {
  try {
    addonPath();
  } catch (thrown) {
    return { level: "none", detail: [(thrown as Error).message] };
  }
  const wall = await systemWall(await found());
  if (!wall.starts) return { level: wall.level, detail: wall.detail };
  return {
    // Without any wall of the system there are still the isolate and Node's permission model.
    level: wall.level === "none" ? "partial" : wall.level,
    detail: [
      "an isolate of its own without Node's APIs, in a process that it shares only with extensions trusted alike, or with none",
      "the process gives up every permission before it takes code: files, network, child processes, native modules",
      "limits on the heap, on CPU time and on the time that code runs without a pause; what escapes them ends with the process",
      ...wall.detail,
    ],
  };
}
