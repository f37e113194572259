import { type Context, PlinthError } from "@plinth/sdk";
import type { Registries } from "../market/registries.ts";
import { sinceWords } from "../market/trust-card.ts";
import type { Operation } from "../operation.ts";
import { type Block, code, safe } from "../report.ts";
import { accept } from "./accept.ts";
import { compare } from "./compare.ts";
import { forget } from "./forget.ts";
import { keyLine, type Remembered, remembered } from "./memory.ts";

/** Whom this host knows, and how an owner changes that. */
export function trustOperations(ctx: Context, registries: Registries): Operation[] {
  return [list(ctx, registries), show(ctx, registries), accept(ctx, registries), compare(ctx, registries), forget(ctx, registries)];
}

function list(ctx: Context, registries: Registries): Operation {
  return {
    group: "trust",
    name: "list",
    summary: "List the registries that this host knows, since when, and how many publishers of each",
    access: "anyone",
    examples: ["list", "list --json"],
    // biome-ignore lint/correctness/useYield: there is nothing to say on the way
    async *run(): AsyncGenerator<string, { registries: Remembered[] }> {
      return { registries: await remembered(ctx, registries) };
    },
    report({ registries: known }: { registries: Remembered[] }) {
      if (known.length === 0) return { blocks: [{ text: "No registry is known here." }] };
      const rows = known.map((one) => [
        one.name ?? "(not asked any more)",
        stateOf(one),
        one.knownSince === undefined ? "" : sinceWords(one.knownSince, ctx.clock.now()),
        String(one.publishers.length),
        one.address ?? one.identity,
      ]);
      return { blocks: [{ head: ["registry", "state", "known", "publishers", "address"], rows }] };
    },
  };
}

function show(ctx: Context, registries: Registries): Operation {
  return {
    group: "trust",
    name: "show",
    summary: "Show a registry's or a publisher's fingerprints, and how long they are known here",
    access: "anyone",
    args: [{ name: "name", summary: "A registry, such as acme, or a publisher, such as demo", required: true }],
    examples: ["show acme", "show demo", "show acme --json"],
    async *run({ input }): AsyncGenerator<string, { registries: Remembered[] }> {
      const name = String(input.name);
      const all = await remembered(ctx, registries);
      const registry = all.filter((one) => one.name === name);
      if (registry.length > 0) return { registries: registry };
      const knowing = all.flatMap((one) => {
        const publishers = one.publishers.filter(({ publisher }) => publisher === name);
        return publishers.length === 0 ? [] : [{ ...one, publishers }];
      });
      if (knowing.length > 0) return { registries: knowing };
      throw new PlinthError("PLINTH_TRUST_UNKNOWN", `Neither a registry nor a publisher ${JSON.stringify(name.slice(0, 60))} is known here.`, {
        next: "plinth trust list shows the registries; a publisher is known once something of theirs was installed.",
      });
    },
    report: ({ registries: shown }: { registries: Remembered[] }) => ({ blocks: shown.flatMap((one) => blocksOf(one, ctx.clock.now())) }),
  };
}

function stateOf({ fork, own, signed }: Remembered): string {
  if (fork !== undefined) return "tells two histories: refused";
  if (own) return "comes with the product";
  return signed ? "signs its state" : "signs nothing";
}

function blocksOf(one: Remembered, now: number): Block[] {
  const facts: [string, string][] = [["Address", one.address ?? one.identity]];
  if (one.signed) facts.push(["Root", one.fingerprint ?? "from before this was kept"]);
  else facts.push(["Root", "none: it signs nothing"]);
  if (one.knownSince !== undefined) facts.push(["Known here", `${sinceWords(one.knownSince, now)}, since ${one.knownSince}`]);
  if (one.log !== undefined) facts.push(["Log", `${one.log.size} events, ${one.log.root}`]);
  const blocks: Block[] = [{ text: `Registry ${one.name === undefined ? "that is not asked any more" : code(one.name)}` }, { facts }];
  if (one.fork !== undefined) {
    blocks.push({ title: "It tells two histories" }, { items: [`seen on ${one.fork.at}; nothing of it is believed; the proof is in --json`] });
  }
  for (const { publisher, keys, packages } of one.publishers) {
    blocks.push({ title: `Publisher ${safe(publisher, 60)}` }, { items: [...keys.map((key) => keyLine(key, now)), packagesLine(packages)] });
  }
  return blocks;
}

function packagesLine(packages: readonly string[]): string {
  return packages.length === 0 ? "on no package yet" : `on ${packages.join(", ")}`;
}
