import type { TestHost } from "@plinth/sdk/testing";
import { afterEach, describe, expect, it } from "vitest";
import { end, gate, owner, words } from "../runs/turns.testing.ts";
import { type Agent, aborted, startFamily } from "./sub-agents.testing.ts";

let host: TestHost;
afterEach(() => host?.close());
const soon = { timeout: 20_000 };
const start = async (agent: Agent, config: object = {}) => {
  host = await startFamily(agent, config);
};
const tell = (text: string) => host.as(owner, () => end(host, text));
const tasks = async () => (await host.as(owner, () => host.use("plinth.tasks").one().list({}))).tasks;
const spawned = (result: any) => result.structured as { id: string; childSessionKey: string };
const isChild = (key: string) => key.includes(":subagent:");

describe("a sub-agent", () => {
  it("works beside the conversation, and its report is said into the turn that runs, once", async () => {
    const go = gate();
    let child = { id: "", childSessionKey: "" };
    await start(async ({ said, sessionKey, system, history, tool, heard }) => {
      if (isChild(sessionKey)) {
        expect([said, history.length, system.includes("You are a sub-agent")]).toEqual(["count the apples", 1, true]);
        await go.wait;
        return "There are seven.";
      }
      child = spawned(await tool("sessions_spawn", { task: "count the apples", label: "apples" }));
      go.open();
      await tool("subagents", { action: "wait", timeoutSeconds: 20 });
      await expect.poll(() => heard.length, soon).toBe(1);
      return `heard: ${heard[0]}`;
    });
    const { text } = await tell("how many apples?");
    expect(text).toMatch(
      /^heard: \[Sub-agent "apples" \([0-9a-f]{16}\) ended: ok\. .*7 tokens, session agent:main:subagent:[0-9a-f]{16}\]\n\nThere are seven\.$/,
    );
    await expect
      .poll(async () => (await tasks()).map(({ status, delivery, kind, title }) => [status, delivery?.status, kind, title]), soon)
      .toEqual([["done", "sent", "subagent", "apples"]]);
    expect((await words(host, child.childSessionKey)).slice(0, 2)).toEqual(["user: count the apples", "assistant: There are seven."]);
    expect((await host.use("plinth.session-store").one().get({ key: "main" })).session?.waiting ?? 0).toBe(0);
  });

  it("is told of in a turn of its own where nothing runs any more", async () => {
    const go = gate();
    await start(async ({ said, sessionKey, tool }) => {
      if (isChild(sessionKey)) return go.wait.then(() => "done it");
      if (said.startsWith("[Sub-agent")) return "I heard of it";
      await tool("sessions_spawn", { task: "work" });
      return "begun";
    });
    expect((await tell("go")).text).toBe("begun");
    go.open();
    await expect.poll(async () => (await words(host)).filter((one) => one === "assistant: I heard of it").length, soon).toBe(1);
  });

  it("knows what was said before where it is a fork, and not what the turn is about to do", async () => {
    let seen: string[] = [];
    await start(async ({ said, sessionKey, history, tool }) => {
      if (isChild(sessionKey)) {
        seen = history.map(({ content }: any) => content[0].text);
        return "ANNOUNCE_SKIP";
      }
      if (said === "go") await tool("sessions_spawn", { task: "look", context: "fork" });
      return "ok";
    });
    await tell("the word is plum");
    await tell("go");
    await expect.poll(async () => (await tasks())[0]?.delivery?.status, soon).toBe("suppressed");
    expect(seen).toEqual(["the word is plum", "ok", "look"]);
  });

  it("has no more than its parent's turn had, and what it met lowers who reads its report, and nobody before", async () => {
    const go = gate();
    let inChild: string[] = [];
    let inParent: string[] = [];
    await start(async ({ said, sessionKey, tool, work }, host) => {
      if (isChild(sessionKey)) {
        inChild = work.influences.map(({ party }: any) => party);
        host.lower("outside", "a page");
        await go.wait;
        return "what the page said";
      }
      if (said.startsWith("[Sub-agent")) {
        inParent = work.influences.map(({ party }: any) => party);
        return "I read it";
      }
      host.lower("acme.one", "said something");
      await tool("sessions_spawn", { task: "read a page" });
      await expect.poll(() => inChild.length, soon).toBe(1);
      return host
        .influences()
        .map(({ party }) => party)
        .join();
    });
    expect((await tell("go")).text).toBe("acme.one");
    go.open();
    await expect.poll(async () => (await words(host)).includes("assistant: I read it"), soon).toBe(true);
    expect(inChild).toEqual(["acme.one"]);
    expect(inParent.sort()).toEqual(["acme.one", "outside"]);
  });

  it("is ended after its time, and tells so; one that fails as well", async () => {
    await start(async ({ said, sessionKey, signal, tool, heard }) => {
      if (isChild(sessionKey)) return said === "hang" ? aborted(signal) : Promise.reject(new Error("broken"));
      await tool("sessions_spawn", { task: "hang", runTimeoutSeconds: 1 });
      await tool("sessions_spawn", { task: "fail" });
      await expect.poll(() => heard.length, soon).toBe(2);
      return heard
        .sort()
        .map((one) => /ended: (\w+)/.exec(one)?.[1])
        .join();
    });
    expect((await tell("go")).text.split(",").sort()).toEqual(["error", "timeout"]);
    await expect.poll(async () => (await tasks()).map(({ status }) => status), soon).toEqual(["failed", "failed"]);
    expect((await tasks()).map(({ error }) => error?.code).sort()).toContain("PLINTH_SUBAGENT_TIMEOUT");
  });
});

it("of another agent is begun where the owner allows it, and a guest's is the guest's", async () => {
  const guest = { role: "guest" as const, via: "irc:ann" };
  const seen: string[] = [];
  await start(async ({ sessionKey, tool, work }) => {
    if (isChild(sessionKey)) {
      seen.push(`${work.principal.role} ${work.principal.via}`);
      return "ANNOUNCE_SKIP";
    }
    await tool("sessions_spawn", { task: "x" });
    return (await tool("sessions_spawn", { task: "x", agentId: "admin" })).content[0].text.split(":")[0];
  });
  expect((await host.as(guest, () => end(host, "go", { sessionKey: "ann" }))).text).toBe("PLINTH_SUBAGENT_AGENT");
  await expect
    .poll(async () => (await tasks()).map(({ status, origin }) => [status, origin?.by, origin?.via]), soon)
    .toEqual([["done", "guest", "irc:ann"]]);
  expect(seen).toEqual(["guest irc:ann"]);
});

it("has a notice that waits for the next host while it runs, and is taken back with it", async () => {
  await start(async ({ said, sessionKey, signal, tool }) => {
    if (isChild(sessionKey)) return aborted(signal);
    if (said.startsWith("[Sub-agent")) return "noted";
    await tool("sessions_spawn", { task: "hang" });
    return "begun";
  });
  await tell("go");
  await expect.poll(async () => (await tasks()).map(({ status }) => status), soon).toEqual(["running"]);
  const { inputs } = await host.as(owner, () => host.use("plinth.session-store").one().take({ ttlMs: 100 }));
  expect(inputs).toEqual([]);
  const store = host.use("plinth.session-store").one();
  expect((await store.get({ key: "main" })).session?.waiting).toBe(1);
  expect((await tell("/stop")).text).toBe("Stopped: one task.");
  await expect.poll(async () => (await store.get({ key: "main" })).session?.waiting ?? 0, soon).toBe(0);
});

describe("limits", () => {
  it("hold for how many, how deep and how many at a time", async () => {
    const go = gate();
    let running = 0;
    let most = 0;
    const refused: string[] = [];
    await start(
      async ({ sessionKey, said, tool }) => {
        if (!isChild(sessionKey)) {
          if (said !== "go") return "ok";
          const all = await Promise.all(Array.from({ length: 4 }, () => tool("sessions_spawn", { task: "middle" })));
          refused.push(...all.filter(({ isError }) => isError).map(({ content }) => content[0].text.split(":")[0]));
          return "begun";
        }
        if (said.startsWith("[Sub-agent")) return "noted";
        most = Math.max(most, ++running);
        try {
          await go.wait;
          if (said === "middle") await tool("sessions_spawn", { task: "leaf" });
          else {
            for (const name of ["sessions_spawn", "subagents", "sessions_list"]) {
              const { isError, content } = await tool(
                name,
                name === "sessions_spawn" ? { task: "x" } : name === "subagents" ? { action: "list" } : {},
              );
              refused.push(`${isError} ${content[0].text.split(":")[0]}`);
            }
          }
          return said;
        } finally {
          running--;
        }
      },
      { maxDepth: 2, maxChildren: 3, maxConcurrent: 2 },
    );
    await tell("go");
    expect(refused.splice(0)).toEqual(["PLINTH_SUBAGENT_LIMIT"]);
    await expect.poll(() => running, soon).toBe(2);
    go.open();
    await expect.poll(async () => (await tasks()).filter(({ status }) => status === "done").length, soon).toBe(6);
    expect(most).toBe(2);
    expect(new Set(refused)).toEqual(new Set(["true PLINTH_SUBAGENT_DEPTH"]));
    const [leaf] = (await tasks()).filter(({ title }) => title === "leaf");
    expect((await tasks()).find(({ id }) => id === leaf?.parent)?.title).toBe("middle");
  });
});

it("what its own children report becomes part of its report, which alone is told above", async () => {
  let told: string[] = [];
  await start(async ({ said, sessionKey, tool, heard }) => {
    if (isChild(sessionKey)) {
      if (said === "leaf") return "leaf's word";
      if (said.startsWith("[Sub-agent")) return `summed up: ${said.split("\n\n")[1]}`;
      await tool("sessions_spawn", { task: "leaf" });
      return "not yet";
    }
    await tool("sessions_spawn", { task: "middle" });
    await expect.poll(() => heard.length, soon).toBe(1);
    told = [...heard];
    return "ok";
  });
  await tell("go");
  expect(told.length).toBe(1);
  expect(told[0]).toMatch(/(summed up: leaf's word|not yet)$/);
});

describe("/stop", () => {
  it("ends the whole tree, also when nothing runs in the conversation itself, and nobody is told", async () => {
    let running = 0;
    await start(async ({ said, sessionKey, signal, tool }) => {
      if (isChild(sessionKey)) {
        if (said === "middle") await tool("sessions_spawn", { task: "leaf" });
        running++;
        return aborted(signal).finally(() => running--);
      }
      await tool("sessions_spawn", { task: "middle" });
      return "begun";
    });
    await tell("go");
    await expect.poll(() => running, soon).toBe(2);
    expect((await tell("/stop")).text).toBe("Stopped: one task.");
    await expect.poll(() => running, soon).toBe(0);
    await expect
      .poll(async () => (await tasks()).map(({ status, delivery }) => [status, delivery?.status]), soon)
      .toEqual([
        ["cancelled", "suppressed"],
        ["cancelled", "suppressed"],
      ]);
    expect((await words(host)).some((one) => one.includes("[Sub-agent"))).toBe(false);
  });
});

describe("sessions", () => {
  it("are listed, read with the marks of what was said in them, and written to, without end", async () => {
    await start(async ({ said, sessionKey, tool }, host) => {
      if (sessionKey === "other") {
        if (said !== "hello")
          return `got it, and ${(await tool("sessions_send", { sessionKey: "main", message: "back" })).content[0].text.split(":")[0]}`;
        host.lower("outside", "a page");
        return "from a page";
      }
      const list = (await tool("sessions_list", {})).content[0].text;
      const sent = (await tool("sessions_send", { sessionKey: "other", message: "do it" })).content[0].text;
      const read = (await tool("sessions_history", { sessionKey: "other" })).content[0].text;
      const unknown = (await tool("sessions_send", { sessionKey: "none", message: "x" })).content[0].text.split(":")[0];
      return [
        list.includes('"key":"other"'),
        sent,
        read.includes("assistant: from a page"),
        unknown,
        host.influences().map(({ party }) => party),
      ].join(" | ");
    });
    await host.as(owner, () => end(host, "hello", { sessionKey: "other" }));
    expect((await tell("go")).text).toBe("true | got it, and PLINTH_SESSION_SEND | true | PLINTH_SESSION_UNKNOWN | outside");
  });
});
