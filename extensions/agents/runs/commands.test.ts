import { PlinthError } from "@plinth/sdk";
import { chatCommandConformance, describeConformance, type TestHost } from "@plinth/sdk/testing";
import { afterEach, describe, expect, it } from "vitest";
import { chatCommand, end, events, gate, type Options, owner, shout, startTurns, subscriber, transcript, words } from "./turns.testing.ts";

let host: TestHost;
afterEach(() => host?.close());
const start = async (options: Options = {}) => {
  host = await startTurns(options);
};
const asOwner = (text: string) => host.as(owner, () => end(host, text));

describe("a slash command", () => {
  it("is run with its arguments; its texts are the answer, what it shows on the way becomes events", async () => {
    await start({
      provide: [
        chatCommand("echo", async function* ({ args }) {
          yield { progress: "working" };
          yield { text: `said ${args}` };
          yield { suggest: [{ label: "Again", text: "/echo" }] };
          yield { text: "done" };
        }),
      ],
    });
    const all = await host.as(owner, () => events(host, "/echo  a  b "));
    expect(all).toEqual([
      { type: "start", runId: expect.any(String), sessionKey: "main" },
      { type: "progress", text: "working" },
      { type: "text", delta: "said a  b" },
      { type: "suggest", by: "test.scripted", suggestions: [{ label: "Again", text: "/echo" }] },
      { type: "text", delta: "\n\ndone" },
      { type: "end", status: "ok", text: "said a  b\n\ndone" },
    ]);
    expect(await transcript(host)).toEqual([{ kind: "command", command: "/echo  a  b", answer: "said a  b\n\ndone" }]);
  });

  it("is never shown to the model", async () => {
    let history: unknown;
    await start({
      run: (input) => {
        history = input.history;
        return shout(input);
      },
    });
    await asOwner("/help");
    await asOwner("hello");
    expect(history).toEqual([{ role: "user", content: [{ type: "text", text: "hello" }] }]);
  });

  it("is what was typed: a subscriber that rewrites messages gives no orders and takes none away", async () => {
    await start({
      provide: [chatCommand("danger", () => expect.fail("it ran"))],
      extensions: [subscriber("message.received", (payload) => ({ ...payload, text: payload.text === "hello" ? "/danger" : "changed" }))],
    });
    expect(await asOwner("hello")).toMatchObject({ status: "ok", text: "/DANGER" });
    expect((await asOwner("/help")).text).toContain("/danger");
  });

  it("goes to the one whose id is its name, however many claim it", async () => {
    const answering = (text: string) =>
      async function* () {
        yield { text };
      };
    const other = chatCommand("plugins", answering("another one"));
    await start({ provide: [{ ...other, id: "a-plugins" }, chatCommand("plugins", answering("the one")), { ...other, id: "z-plugins" }] });
    expect((await asOwner("/plugins confirm ABCDEFGH")).text).toBe("the one");
    expect((await asOwner("/help")).text.match(/\/plugins/g)).toHaveLength(1);
  });

  it("is the owner's alone unless it says otherwise", async () => {
    let ran = 0;
    const run = async function* () {
      ran++;
      yield { text: "ok" };
    };
    await start({ provide: [chatCommand("danger", run), chatCommand("hello", run, "anyone")] });
    for (const ask of [
      () => end(host, "/danger"),
      () => host.as({ role: "guest", via: "test" }, () => end(host, "/danger")),
      () => host.as({ role: "system", via: "test" }, () => end(host, "/DANGER now")),
    ]) {
      expect(await ask()).toMatchObject({ status: "ok", text: expect.stringContaining("is for the owner") });
    }
    expect(ran).toBe(0);
    expect(await end(host, "/hello")).toMatchObject({ text: "ok" });
    expect(await asOwner("/danger")).toMatchObject({ text: "ok" });
    expect(ran).toBe(2);
  });

  it("that does not exist is answered with those that are near", async () => {
    await start();
    expect((await asOwner("/hepl")).text).toContain("Did you mean `/help`?");
    expect((await asOwner("/statu")).text).toContain("`/status`");
    expect((await asOwner("/xyzzy")).text).toMatch(/There is no command `\/xyzzy`\. `\/help`/);
  });

  it("that only the owner may run is not suggested to others", async () => {
    await start();
    expect((await end(host, "/sto")).text).not.toContain("/stop");
  });

  it("is not what a path or a lone slash is", async () => {
    await start();
    expect((await end(host, "/etc/hosts is a file")).text).toBe("/ETC/HOSTS IS A FILE");
    expect((await end(host, "/ what")).text).toBe("/ WHAT");
  });

  it("that fails ends with its error, and the transcript says so", async () => {
    await start({
      provide: [
        chatCommand("break", async function* () {
          yield { text: "begun" };
          throw new PlinthError("PLINTH_DISK", "The disk is full.", { next: "Make room." });
        }),
      ],
    });
    expect(await asOwner("/break")).toMatchObject({ status: "error", text: "begun", error: { code: "PLINTH_DISK", next: "Make room." } });
    expect(await words(host)).toEqual(["/break → begun\n\nThe disk is full. Make room."]);
    expect(await end(host, "hello")).toMatchObject({ status: "ok" });
  });
});

describe("the commands of conversations", () => {
  it("help lists what the asker may run, and explains one", async () => {
    await start();
    expect((await asOwner("/help")).text.split("\n").map((line) => /`\/(\w+)`/.exec(line)?.[1])).toEqual([
      "agents",
      "compact",
      "context",
      "export",
      "fork",
      "help",
      "model",
      "new",
      "queue",
      "rename",
      "repair",
      "reset",
      "sessions",
      "status",
      "steer",
      "stop",
      "think",
    ]);
    expect((await end(host, "/help")).text).not.toContain("/stop");
    expect((await asOwner("/help new")).text).toContain("Usage: `/new`");
    expect((await asOwner("/help nothing")).text).toContain("no such command");
  });

  it("new starts afresh and deletes nothing", async () => {
    let history: any[] = [];
    await start({
      run: (input) => {
        history = input.history;
        return shout(input);
      },
    });
    await asOwner("one");
    expect((await asOwner("/new")).text).toContain("new conversation");
    await asOwner("two");
    expect(history.map(({ content }) => content[0].text)).toEqual(["two"]);
    expect((await host.use("plinth.session-store").one().list({})).sessions[0]!.entries).toBe(8);
  });

  it("stop overtakes the turn that it stops, and those that wait behind it", async () => {
    await start({
      async *run() {
        await new Promise(() => {});
      },
    });
    const turns = [asOwner("one"), asOwner("two")];
    await expect.poll(async () => (await host.use("plinth.turns").one().status({})).running.length).toBe(1);
    expect((await asOwner("/stop")).text).toBe("Stopped: 2 turns.");
    expect((await Promise.all(turns)).map(({ status }) => status)).toEqual(["aborted", "aborted"]);
    expect((await asOwner("/stop")).text).toBe("Nothing runs in this conversation.");
  });

  it("status answers beside a running turn: model, host, extensions, turns", async () => {
    const go = gate();
    await start({
      run: async function* (input) {
        await go.wait;
        yield* shout(input);
      },
    });
    const turn = asOwner("one");
    await expect.poll(async () => (await host.use("plinth.turns").one().status({})).running.length).toBe(1);
    expect((await asOwner("/status")).text).toMatch(
      /Model: `auto`[\s\S]*Plinth [\s\S]*generation \d[\s\S]*Extensions: \d[\s\S]*Turns: 1 running, 0 waiting/,
    );
    go.open();
    await turn;
    expect((await asOwner("/status")).text).toContain("last answer: `test/m`");
  });

  it("other commands wait for their place in the lane", async () => {
    const go = gate();
    const order: string[] = [];
    await start({
      run: async function* (input) {
        await go.wait;
        order.push("turn");
        yield* shout(input);
      },
      provide: [
        chatCommand("note", async function* () {
          order.push("command");
          yield { text: "noted" };
        }),
      ],
    });
    const both = [asOwner("one"), asOwner("/note")];
    await new Promise((resolve) => setTimeout(resolve, 10));
    go.open();
    await Promise.all(both);
    expect(order).toEqual(["turn", "command"]);
  });
});

for (const id of ["help", "new", "stop", "status"]) {
  describeConformance({ describe, it }, `/${id}`, chatCommandConformance, {
    open: async () => {
      const own = await startTurns();
      return { command: own.use("plinth.chat-command").get(id), close: () => own.close() };
    },
    args: "",
  });
}
