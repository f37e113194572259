import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client, Principal } from "../../extension/index.ts";
import { assertCodedFailure, assertFits, type ConformanceCase, withOpened } from "./case.ts";

const ID = "plinth.plugin-source";
type SourceClient = Client<"plinth.plugin-source">;

export interface PluginSourceSubject {
  /** A fresh source for each case, and the test host's way to do work for somebody. */
  open(): Promise<{ source: SourceClient; as<T>(principal: Principal, body: () => T): T; close?(): unknown }>;
  /** What its specs begin with. */
  scheme: string;
  /** A spec that can be fetched, twice if need be. */
  good: string;
  /** A spec of a package that is not there. */
  missing: string;
  /** Looks at what was fetched. */
  check?(into: string): Promise<void>;
}

const owner: Principal = { role: "owner", via: "conformance" };

/** What `plinth.plugin-source` asks of every source. */
export const pluginSourceConformance: readonly ConformanceCase<PluginSourceSubject>[] = [
  {
    name: "unpacks a package and says where it came from",
    run: ({ open, good, scheme, check }) =>
      withOpened(open, ({ source, as }) =>
        withFolder(async (into) => {
          const output = await as(owner, () => source.fetch({ spec: good, cwd: into, into }));
          await assertFits(ID, "fetch", "output", output);
          assert.ok(output.source.startsWith(`${scheme}:`), `${output.source} begins with ${scheme}:`);
          assert.ok((await readdir(into)).includes("plinth.json"), "there is a plinth.json");
          await check?.(into);
        }),
      ),
  },
  {
    name: "fetches the same package again",
    run: ({ open, good }) =>
      withOpened(open, async ({ source, as }) => {
        const from = () => withFolder(async (into) => (await as(owner, () => source.fetch({ spec: good, cwd: into, into }))).source);
        assert.equal(await from(), await from());
      }),
  },
  {
    name: "fails with a code for a package that is not there",
    run: ({ open, missing }) => withOpened(open, ({ source, as }) => refused(source, as, missing)),
  },
  {
    name: "takes hostile specs as data",
    run: ({ open }) =>
      withOpened(open, async ({ source, as }) => {
        for (const spec of ["../../etc/passwd", "/etc/passwd", "-oProxyCommand=id", "$(id)", "a\u0000b", "?x=1#y", "x".repeat(5_000)]) {
          await refused(source, as, spec);
        }
      }),
  },
  {
    name: "fetches nothing for anybody but the owner",
    run: ({ open, good }) =>
      withOpened(open, async ({ source, as }) => {
        const asGuest: typeof as = (_, body) => as({ role: "guest", via: "conformance" }, body);
        await refused(source, asGuest, good);
        await refused(source, (_, body) => body(), good);
      }),
  },
  {
    name: "fetches nothing when it is cancelled already",
    run: ({ open, good }) =>
      withOpened(open, ({ source, as }) =>
        withFolder(async (into) => {
          await assertCodedFailure(as(owner, () => source.fetch({ spec: good, cwd: into, into }, { signal: AbortSignal.abort() })));
          assert.deepEqual(await readdir(into), []);
        }),
      ),
  },
  {
    name: "finds packages in a form that can be listed, when it can search",
    run: ({ open }) =>
      withOpened(open, async ({ source, as }) => {
        const hits = await as(owner, () => source.search({ query: "a", limit: 5 })).catch(() => undefined);
        if (hits !== undefined) await assertFits(ID, "search", "output", hits);
      }),
  },
];

async function refused(source: SourceClient, as: <T>(principal: Principal, body: () => T) => T, spec: string): Promise<void> {
  await withFolder(async (into) => {
    await assertCodedFailure(as(owner, () => source.fetch({ spec, cwd: into, into })));
    assert.deepEqual(await readdir(into), [], "nothing is left of a package that was not fetched");
  });
}

async function withFolder<T>(body: (into: string) => Promise<T>): Promise<T> {
  const into = await mkdtemp(join(tmpdir(), "plinth-source-"));
  try {
    return await body(into);
  } finally {
    await rm(into, { recursive: true, force: true });
  }
}
