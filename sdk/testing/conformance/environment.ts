import assert from "node:assert/strict";
import type { Client, Environment } from "../../extension/index.ts";
import { assertCode, assertCodedFailure, type ConformanceCase, casesOf, collect, type Opening } from "./case.ts";

type Environments = Client<"plinth.environment">;
type Run = Parameters<Environments["run"]>[0];

export interface EnvironmentSubject extends Opening<Environments> {
  /** Writes `made` into the file `made.txt` of the workspace, and `said` to its output. */
  program: Pick<Run, "program" | "args">;
  /** Ends with this status. */
  failing: Pick<Run, "program" | "args"> & { code: number };
}

const one = casesOf<Environments, EnvironmentSubject>("plinth.environment");
const text = (base64: string) => Buffer.from(base64, "base64").toString();

async function ready(environments: Environments, input: Parameters<Environments["prepare"]>[0] = {}): Promise<Environment> {
  const last = (await collect(environments.prepare(input))).at(-1);
  assert.equal(last?.type, "ready");
  return (last as { environment: Environment }).environment;
}

/** What `plinth.environment` asks of every kind of place. */
export const environmentConformance: readonly ConformanceCase<EnvironmentSubject>[] = [
  one("runs a program and gives back what it made", async (environments, { program }) => {
    const { id, status } = await ready(environments);
    assert.equal(status, "ready");
    const items = await collect(environments.run({ id, ...program }));
    assert.equal(
      items
        .flatMap((item) => (item.type === "stdout" ? [text(item.base64)] : []))
        .join("")
        .trim(),
      "said",
    );
    assert.deepEqual(items.filter(({ type }) => type === "exit").length, 1);
    const end = items.at(-1);
    assert.ok(end?.type === "exit" && end.code === 0);
    const files = await collect(environments.collect({ id, paths: ["made.txt"] }));
    assert.equal(
      files
        .map(({ base64 }) => text(base64))
        .join("")
        .trim(),
      "made",
    );
    assert.equal(files.at(-1)?.last, true);
    await environments.release({ id });
  }),
  one("tells how a program failed", async (environments, { failing: { code, ...failing } }) => {
    const { id } = await ready(environments);
    const end = (await collect(environments.run({ id, ...failing }))).at(-1);
    assert.ok(end?.type === "exit" && end.code === code);
    await environments.release({ id });
  }),
  one("takes files in, and gives none from outside of the workspace", async (environments) => {
    const { id } = await ready(environments);
    await environments.put({ id, path: "in/put.txt", base64: Buffer.from("put").toString("base64") });
    assert.equal(text((await collect(environments.collect({ id, paths: ["in"] })))[0]!.base64), "put");
    for (const path of ["../outside", "/etc/passwd", "in/../../outside"]) {
      await assertCode(environments.put({ id, path, base64: "" }), "PLINTH_ENVIRONMENT_PATH", "PLINTH_PAYLOAD");
      await assertCode(collect(environments.collect({ id, paths: [path] })), "PLINTH_ENVIRONMENT_PATH", "PLINTH_PAYLOAD");
    }
    await environments.release({ id });
  }),
  one("gives the same place for the same key", async (environments) => {
    const first = await ready(environments, { key: "k" });
    assert.equal((await ready(environments, { key: "k" })).id, first.id);
    assert.notEqual((await ready(environments, { key: "l" })).id, first.id);
  }),
  one("is gone when it was released", async (environments, { program }) => {
    const { id } = await ready(environments);
    assert.ok((await environments.list({})).environments.some((each) => each.id === id));
    assert.deepEqual(await environments.release({ id }), { released: true });
    assert.deepEqual(await environments.release({ id }), { released: false });
    await assertCode(collect(environments.run({ id, ...program })), "PLINTH_ENVIRONMENT_UNKNOWN");
    assert.ok(!(await environments.list({})).environments.some((each) => each.id === id && each.status !== "released"));
  }),
  one("takes hostile ids as data", async (environments) => {
    for (const id of ["../..", "__proto__", "$(id)"]) {
      await assertCodedFailure(collect(environments.collect({ id, paths: ["a"] })));
      assert.deepEqual(await environments.release({ id }), { released: false });
    }
  }),
];
