import type { TestHost } from "@plinth/sdk/testing";
import { afterEach, expect, it } from "vitest";
import { type End, end, type HarnessScript, owner, shout, startTurns, submit } from "./turns.testing.ts";

let host: TestHost;
afterEach(() => host.close());

const scopes: Record<string, string>[] = [];
const keeping: HarnessScript = async function* (input, call) {
  scopes.push(call.work.principal.scope);
  yield* shout(input);
};

it("a turn's work says where its message came from, and nothing of tools where nobody said anything of them", async () => {
  scopes.length = 0;
  host = await startTurns({ run: keeping });
  await host.as(owner, () => end(host, "hi", { runId: "r" }));
  expect(scopes).toEqual([{ session: "main", agent: "main", run: "r", surface: "test" }]);
});

it("it holds what its router says of tools", async () => {
  scopes.length = 0;
  host = await startTurns({ run: keeping, route: { tools: { deny: ["exec"] } } });
  await host.as(owner, () => end(host, "hi"));
  expect(JSON.parse(scopes[0]!.tools!)).toEqual({ places: [], rules: [{ level: "route", deny: ["exec"] }] });
});

it("a turn that is asked for in another one has what holds for that one too, however deep, each once", async () => {
  scopes.length = 0;
  const deeper: HarnessScript = async function* (input, call) {
    scopes.push(call.work.principal.scope);
    const depth = input.sessionKey.length;
    let last: End | undefined;
    if (depth < 4) {
      for await (const event of submit(host, "go on", { sessionKey: "s".repeat(depth + 1) })) last = event as End;
      expect(last).toMatchObject({ status: "ok" });
    }
    yield* shout(input);
  };
  host = await startTurns({ run: deeper, route: undefined as never });
  await host.as({ ...owner, scope: { run: "outer", agent: "main", session: "s", surface: "telegram", sender: "7" } }, () =>
    end(host, "hi", { sessionKey: "s" }),
  );
  expect(scopes).toHaveLength(4);
  const held = JSON.parse(scopes.at(-1)!.tools!);
  expect(held.rules).toEqual([]);
  expect(held.places).toEqual([
    { agent: "main", sessionKey: "s", surface: "telegram", sender: "7" },
    ...["s", "ss", "sss"].map((sessionKey) => ({ agent: "main", sessionKey, surface: "test" })),
  ]);
});
