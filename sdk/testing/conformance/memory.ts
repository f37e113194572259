import assert from "node:assert/strict";
import type { Client, MemoryScope } from "../../extension/index.ts";
import { assertCode, assertCodedFailure, type ConformanceCase, casesOf, collect, type Opening } from "./case.ts";

type MemoryClient = Client<"plinth.memory">;

export type MemorySubject = Opening<MemoryClient>;

const one = casesOf<MemoryClient>("plinth.memory");
const mine: MemoryScope = { kind: "agent", id: "main" };
const other: MemoryScope = { kind: "person", id: "ann" };
const found = async (memory: MemoryClient, query: string, scopes: MemoryScope[], more = {}) =>
  (await memory.search({ query, scopes, ...more })).hits.map((hit) => hit.memory.text);

/** What `plinth.memory` asks of every engine. */
export const memoryConformance: readonly ConformanceCase<MemorySubject>[] = [
  one("finds what it was told, the best first, with where it is from", async (memory) => {
    const { ids } = await memory.write({
      memories: [
        { text: "The boiler is in the cellar.", scope: mine, source: { session: "s", entries: ["a", "b"] }, tags: ["house"] },
        { text: "Bread is baked on Fridays.", scope: mine },
      ],
    });
    assert.equal(new Set(ids).size, 2);
    const { hits } = await memory.search({ query: "boiler cellar", scopes: [mine] });
    assert.equal(hits[0]?.memory.id, ids[0]);
    assert.deepEqual(hits[0]?.memory.source, { session: "s", entries: ["a", "b"] });
    for (const [at, hit] of hits.entries()) assert.ok(at === 0 || hit.score <= hits[at - 1]!.score, "scores fall");
    assert.deepEqual(await found(memory, "boiler", [mine], { tags: ["kitchen"] }), []);
  }),
  one("looks in the scopes that are asked for, and nowhere else, whatever is done", async (memory) => {
    const { ids } = await memory.write({ memories: [{ text: "The word is swordfish.", scope: other }] });
    assert.deepEqual(await found(memory, "swordfish", [mine]), []);
    assert.deepEqual((await memory.list({ scopes: [mine] })).memories, []);
    await assertCode(memory.read({ id: ids[0]!, scopes: [mine] }), "PLINTH_MEMORY_UNKNOWN");
    assert.deepEqual(await memory.forget({ scopes: [mine], ids }), { forgotten: 0 });
    assert.deepEqual(await collect(memory.export({ scopes: [mine] })), []);
    assert.equal((await found(memory, "swordfish", [mine, other])).length, 1);
  }),
  one("keeps what is written under one key once", async (memory) => {
    const input = { memories: [{ text: "Once only.", scope: mine }], key: "k" };
    assert.deepEqual(await memory.write(input), await memory.write(input));
    assert.equal((await memory.list({ scopes: [mine] })).memories.length, 1);
  }),
  one("forgets for good", async (memory) => {
    const { ids } = await memory.write({ memories: [1, 2].map((n) => ({ text: `Apples number ${n}.`, scope: mine })) });
    assert.deepEqual(await memory.forget({ scopes: [mine], ids: [ids[0]!] }), { forgotten: 1 });
    assert.deepEqual(await found(memory, "apples", [mine]), ["Apples number 2."]);
    await assertCode(memory.read({ id: ids[0]!, scopes: [mine] }), "PLINTH_MEMORY_UNKNOWN");
    assert.deepEqual(await memory.forget({ scopes: [mine] }), { forgotten: 1 });
    assert.deepEqual(await collect(memory.export({})), []);
  }),
  one("finds what took another's place, and not what it replaced, nor what has expired", async (memory) => {
    const { ids } = await memory.write({ memories: [{ text: "Ann lives in Ulm.", scope: mine }] });
    await memory.write({ memories: [{ text: "Ann lives in Bern.", scope: mine, supersedes: ids }] });
    await memory.write({ memories: [{ text: "Ann lives nowhere.", scope: mine, expiresAt: 1 }] });
    assert.deepEqual(await found(memory, "Ann lives", [mine]), ["Ann lives in Bern."]);
  }),
  one("reads a memory line by line, and says where it goes on", async (memory) => {
    const { ids } = await memory.write({ memories: [{ text: "one\ntwo\nthree", scope: mine }] });
    const first = await memory.read({ id: ids[0]!, scopes: [mine], lines: 2 });
    assert.deepEqual([first.text, first.next], ["one\ntwo", 3]);
    const rest = await memory.read({ id: ids[0]!, scopes: [mine], from: 3 });
    assert.deepEqual([rest.text, rest.next], ["three", undefined]);
  }),
  one("lists the newest first, a page at a time, and exports what another engine can take", async (memory) => {
    for (const n of [1, 2, 3]) await memory.write({ memories: [{ text: `Number ${n}`, scope: mine, importance: n }] });
    const first = await memory.list({ scopes: [mine], limit: 2 });
    const rest = await memory.list({ scopes: [mine], limit: 2, cursor: first.next! });
    assert.deepEqual(
      [...first.memories, ...rest.memories].map(({ text }) => text),
      ["Number 3", "Number 2", "Number 1"],
    );
    assert.equal(rest.next, undefined);
    const all = await collect(memory.export({}));
    assert.deepEqual(
      all.map(({ text, importance }) => [text, importance]),
      [1, 2, 3].map((n) => [`Number ${n}`, n]),
    );
    assert.equal((await memory.status({})).memories, 3);
  }),
  one("takes hostile texts, ids and queries as data", async (memory) => {
    const text = `"; DROP TABLE memories; -- ' OR 1=1 NEAR( * ^ \\u0000`;
    await memory.write({ memories: [{ text, scope: { kind: "person", id: "../../etc" } }] });
    for (const query of [text, '"', "*", "a AND (", "-"]) await memory.search({ query, scopes: [mine] });
    for (const id of ["../../etc/passwd", "__proto__"]) await assertCodedFailure(memory.read({ id, scopes: [mine] }));
    await assertCodedFailure(memory.read({ path: "../../../etc/passwd", scopes: [mine] }));
    assert.equal((await memory.status({})).memories, 1);
  }),
];
