import { createHash } from "node:crypto";
import { formatLock } from "@plinth/registry";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Facts, Registries } from "../market/registries.ts";
import type { Lock, World } from "../world.ts";
import { type Asked, resolveSet } from "./resolution.ts";
import { pinOf } from "./step.ts";

type Edges = Record<string, string>;
type Graph = Record<string, { version: string; extensions?: Edges }[]>;

const ids = ["a.one", "a.two", "b.three", "b.four", "c.five"];
const range = fc.constantFrom("*", "^1", "^2", "1.0.0", "~1.1", ">=1.1.0");
const release = fc.record(
  { version: fc.constantFrom("1.0.0", "1.1.0", "2.0.0"), extensions: fc.dictionary(fc.constantFrom(...ids), range, { maxKeys: 2 }) },
  { requiredKeys: ["version"] },
);
const graphs = fc.dictionary(fc.constantFrom(...ids), fc.uniqueArray(release, { selector: ({ version }) => version, minLength: 1 }), { minKeys: 1 });

describe("the lock of any graph", () => {
  it("has the same bytes for the same set, whatever the order of names, versions and edges", async () => {
    const requests = fc.dictionary(fc.constantFrom(...ids), range, { minKeys: 1, maxKeys: 3 });
    let solved = 0;
    await fc.assert(
      fc.asyncProperty(graphs, requests, fc.infiniteStream(fc.nat()), async (graph, wanted, numbers) => {
        const shuffled = <T>(items: readonly T[]): T[] =>
          items
            .map((item) => ({ item, at: numbers.next().value as number }))
            .sort((a, b) => a.at - b.at)
            .map(({ item }) => item);
        const other = Object.fromEntries(
          shuffled(Object.entries(graph)).map(([id, all]) => [
            id,
            shuffled(all).map((one) => ({
              ...one,
              ...(one.extensions ? { extensions: Object.fromEntries(shuffled(Object.entries(one.extensions))) } : {}),
            })),
          ]),
        );
        const asked = Object.entries(wanted).map(([id, wish]): Asked => ({ id, range: wish, exact: false }));
        const [first, second] = [await lockOf(graph, asked), await lockOf(other, shuffled(asked))];
        expect(second).toBe(first);
        if (first.startsWith("{")) solved++;
      }),
      { numRuns: 1_000 },
    );
    // Most of the graphs have to have an answer, or nothing was shown.
    expect(solved).toBeGreaterThan(300);
  });
});

/** The lock's text, or the code of what was in the way. */
async function lockOf(graph: Graph, asked: Asked[]): Promise<string> {
  const world = {
    version: "1.0.0",
    home: "/",
    bundled: new Map(),
    installed: new Map(),
    lock: { lockfile: 1, extensions: {} },
    packages: {},
    config: {},
  } as unknown as World;
  const resolution = { world, registries: registryOf(graph), policy: { minimumAgeMs: 0 }, now: 0, signal: new AbortController().signal };
  try {
    const extensions: Lock["extensions"] = {};
    for (const { id, version, asked: isAsked } of await resolveSet(asked, "the request", resolution)) {
      const digest = createHash("sha512").update(`${id} ${version}`).digest("hex");
      extensions[id] = { version, digest, source: `registry:${id}@${version}`, ...pinOf({ asked: isAsked }, undefined) };
    }
    return formatLock({ lockfile: 1, extensions });
  } catch (thrown) {
    return String((thrown as { code?: string }).code);
  }
}

/** What the graph says, as a registry says it. */
function registryOf(graph: Graph): Registries {
  const unknown = (code: string) => Object.assign(new Error(code), { name: "PlinthError", code });
  const registry = {
    async facts(id: string): Promise<Facts> {
      const releases = graph[id];
      if (releases === undefined) throw unknown("PLINTH_PACKAGE_UNKNOWN");
      const entries = releases.map(({ version, extensions }) => ({
        version,
        tarball: `packages/${id}-${version}.tgz`,
        integrity: "sha512-none",
        size: 1,
        publishedAt: "2026-01-01T00:00:00.000Z",
        signature: { keyId: "none", signature: "none" },
        manifest: { id, version, title: id, description: "", engines: { plinth: "*" }, ...(extensions === undefined ? {} : { extensions }) },
      }));
      const resolve = async (): Promise<unknown> => entries[0];
      const rawIndex = async (): Promise<Uint8Array> => Buffer.from(JSON.stringify({ id, versions: entries, tags: {} }));
      return { client: { name: "test", resolve, rawIndex }, entries, released: new Map() } as unknown as Facts;
    },
  };
  return registry as unknown as Registries;
}
