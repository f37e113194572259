import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type Client, canonicalJson, type InteractionAction, type InteractionRequest, type InteractionStep } from "../../extension/index.ts";
import { assertCodedFailure, assertFits, type ConformanceCase, withOpened } from "./case.ts";

const ID = "plinth.interaction";
type InteractionClient = Client<"plinth.interaction">;
type Change = ReturnType<InteractionClient["changes"]> extends AsyncIterable<infer Item> ? Item : never;
type AskedQuestion = Exclude<Parameters<InteractionClient["ask"]>[0], { kind: "approval" }>;
type Asked = Extract<Parameters<InteractionClient["ask"]>[0], { kind: "approval" }>;

export interface InteractionSubject {
  /** A provider without questions for each case, called by the product for an owner and for a guest. */
  open(): Promise<{ owner: InteractionClient; guest: InteractionClient; close?(): unknown }>;
}

/** An approval that holds together; the command is what makes it another one. */
export function approvalOf(command: string, more: Partial<Asked> = {}): Asked {
  const action: InteractionAction = { effect: "exec", tool: "exec", summary: `Run ${command.slice(0, 100)}`, args: { command } };
  return {
    kind: "approval",
    sessionKey: "conformance",
    runId: `run of ${command}`.slice(0, 64),
    title: "Run a command?",
    action,
    digest: createHash("sha256").update(canonicalJson(action)).digest("hex"),
    influencedBy: [{ party: "acme.filter", how: "changed the message" }],
    risk: "high",
    why: "It runs a program.",
    options: [
      { id: "once", label: "Allow once", style: "primary" },
      { id: "session", label: "Allow in this conversation", style: "normal" },
      { id: "deny", label: "Deny", style: "danger" },
    ],
    ...more,
  };
}

/** A question that holds together. */
export function questionOf<K extends AskedQuestion["kind"]>(kind: K, more: object = {}): Extract<AskedQuestion, { kind: K }> {
  const own: { readonly [kind: string]: object } = {
    choice: {
      choices: [
        { id: "red", label: "Red" },
        { id: "blue", label: "Blue" },
      ],
    },
    form: {
      schema: {
        type: "object",
        properties: { name: { type: "string", minLength: 1 }, size: { type: "integer" }, sure: { type: "boolean" } },
        required: ["name"],
      },
    },
    url: { url: "https://example.com/sign-in" },
  };
  const common = { kind, sessionKey: "conformance", runId: `run of ${kind}`, title: "A question", from: "acme.x", message: `Which ${kind}?` };
  return { ...common, ...own[kind], ...more } as Extract<AskedQuestion, { kind: K }>;
}

interface Asking {
  request: InteractionRequest;
  /** The step that ends it. */
  end: Promise<InteractionStep & { state: "answered" }>;
  cancel(): void;
}

const commandOf = (request: InteractionRequest): string => (request.kind === "approval" ? String(request.action.args.command) : request.message);

async function asking(client: InteractionClient, asked: Asked | AskedQuestion): Promise<Asking> {
  const controller = new AbortController();
  const steps = client.ask(asked, { signal: controller.signal })[Symbol.asyncIterator]();
  const first = await steps.next();
  assert.equal(first.value?.state, "asked", "it is asked");
  await assertFits(ID, "ask", "item", first.value);
  const end = (async () => {
    const { value } = await steps.next();
    assert.equal(value?.state, "answered", "it ends with what became of it");
    await assertFits(ID, "ask", "item", value);
    assert.equal((await steps.next()).done, true, "nothing comes after the answer");
    return value as InteractionStep & { state: "answered" };
  })();
  end.catch(() => {});
  return { request: (first.value as InteractionStep).request, end, cancel: () => controller.abort() };
}

const waiting = async (client: InteractionClient): Promise<string[]> => {
  const output = await client.pending({});
  await assertFits(ID, "pending", "output", output);
  return output.requests.map(commandOf);
};

const one = (
  name: string,
  body: (clients: { owner: InteractionClient; guest: InteractionClient }) => Promise<void>,
): ConformanceCase<InteractionSubject> => ({ name, run: ({ open }) => withOpened(open, body) });

/** What `plinth.interaction` asks of every provider. */
export const interactionConformance: readonly ConformanceCase<InteractionSubject>[] = [
  one("tells whoever asked what an owner chose", async ({ owner, guest }) => {
    const { request, end } = await asking(guest, approvalOf("ls"));
    const output = await owner.answer({ id: request.id, option: "session", digest: request.digest });
    await assertFits(ID, "answer", "output", output);
    const { answer } = await end;
    assert.deepEqual([answer.answer, answer.option, answer.by.role], ["chosen", "session", "owner"]);
    assert.deepEqual(await waiting(owner), []);
  }),
  one("tells a no as a no", async ({ owner, guest }) => {
    const { request, end } = await asking(guest, approvalOf("ls"));
    await owner.answer({ id: request.id, option: "deny", digest: request.digest });
    assert.equal((await end).answer.answer, "declined");
  }),
  one("always offers to deny", async ({ owner }) => {
    const { request } = await asking(owner, approvalOf("ls", { options: [{ id: "once", label: "Allow", style: "primary" }] }));
    assert.ok(request.options.some(({ id }) => id === "deny"));
  }),
  one("shows exactly what was asked, in the order of asking, each on its own", async ({ owner, guest }) => {
    const commands = ["ls", "ls -l", "ls -l -a"];
    const asked = [];
    for (const command of commands) asked.push(await asking(guest, approvalOf(command)));
    assert.deepEqual(await waiting(owner), commands);
    assert.equal(new Set(asked.map(({ request }) => request.id)).size, 3);
    const { requests } = await owner.pending({ sessionKey: "another" });
    assert.deepEqual(requests, []);
  }),
  one("takes the first of two answers, and tells the second who was first", async ({ owner }) => {
    const { request, end } = await asking(owner, approvalOf("ls"));
    const answers = await Promise.allSettled(
      ["once", "deny", "session"].map((option) => owner.answer({ id: request.id, option, digest: request.digest })),
    );
    const first = answers.filter(({ status }) => status === "fulfilled");
    assert.equal(first.length, 1);
    for (const late of answers.filter((answer) => answer.status === "rejected")) {
      assert.equal(late.reason.code, "PLINTH_INTERACTION_ANSWERED");
      assert.match(late.reason.message, /owner/);
    }
    const { answer } = (first[0] as PromiseFulfilledResult<{ answer: { option?: string } }>).value;
    assert.equal((await end).answer.option, answer.option);
  }),
  one("refuses an answer to something else than what is asked", async ({ owner }) => {
    const { request } = await asking(owner, approvalOf("ls"));
    const other = approvalOf("rm -rf /").digest;
    for (const [input, code] of [
      [{ id: request.id, option: "once", digest: other }, "PLINTH_INTERACTION_CHANGED"],
      [{ id: request.id, option: "always", digest: request.digest }, "PLINTH_INTERACTION_OPTION"],
      [{ id: "nothing", option: "once", digest: request.digest }, "PLINTH_INTERACTION_UNKNOWN"],
    ] as const) {
      assert.equal((await assertCodedFailure(owner.answer(input))).code, code);
    }
    assert.deepEqual(await waiting(owner), ["ls"]);
  }),
  one("asks nothing whose digest is not that of its action", async ({ owner }) => {
    const asked = approvalOf("ls", { digest: approvalOf("rm").digest });
    const error = await assertCodedFailure(owner.ask(asked)[Symbol.asyncIterator]().next());
    assert.equal(error.code, "PLINTH_INTERACTION_INVALID");
    assert.deepEqual(await waiting(owner), []);
  }),
  one("shows and takes nothing for anybody but the owner", async ({ owner, guest }) => {
    const { request } = await asking(guest, approvalOf("ls"));
    const attempts = [
      () => guest.answer({ id: request.id, option: "once", digest: request.digest }),
      () => guest.pending({}),
      () => guest.history({}),
      () => guest.changes({})[Symbol.asyncIterator]().next(),
    ];
    for (const attempt of attempts) {
      // Whether it fails at once or later.
      const error = await assertCodedFailure((async () => await attempt())());
      assert.equal(error.code, "PLINTH_INTERACTION_FORBIDDEN");
    }
    assert.deepEqual(await waiting(owner), ["ls"]);
  }),
  one("takes the question back when whoever asked is cancelled", async ({ owner, guest }) => {
    const { cancel, end, request } = await asking(guest, approvalOf("ls"));
    cancel();
    await end.catch(() => {});
    while ((await waiting(owner)).length > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const late = await assertCodedFailure(owner.answer({ id: request.id, option: "once", digest: request.digest }));
    assert.equal(late.code, "PLINTH_INTERACTION_ANSWERED");
    assert.equal((await owner.history({})).entries[0]?.answer.answer, "cancelled");
  }),
  one("asks nothing for who is cancelled already", async ({ owner }) => {
    await assertCodedFailure(owner.ask(approvalOf("ls"), { signal: AbortSignal.abort() })[Symbol.asyncIterator]().next());
    assert.deepEqual(await waiting(owner), []);
  }),
  one("takes a question back where nobody can answer: that is no", async ({ guest }) => {
    const { request, end } = await asking(guest, approvalOf("ls"));
    const output = await guest.withdraw({ id: request.id, why: "Nobody can answer here." });
    await assertFits(ID, "withdraw", "output", output);
    const { answer } = await end;
    assert.notEqual(answer.answer, "chosen");
    assert.equal(answer.why, "Nobody can answer here.");
  }),
  one("lets it expire as no", async ({ owner }) => {
    const { request, end } = await asking(owner, approvalOf("ls", { expiresAt: Date.now() + 30 }));
    assert.equal((await end).answer.answer, "expired");
    const late = await assertCodedFailure(owner.answer({ id: request.id, option: "once", digest: request.digest }));
    assert.equal(late.code, "PLINTH_INTERACTION_ANSWERED");
  }),
  one("keeps what was asked and answered, newest first", async ({ owner }) => {
    for (const command of ["make", "ls", "id"]) {
      const { request, end } = await asking(owner, approvalOf(command));
      await owner.answer({ id: request.id, option: command === "ls" ? "deny" : "once", digest: request.digest });
      await end;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const output = await owner.history({});
    await assertFits(ID, "history", "output", output);
    assert.deepEqual(
      output.entries.map(({ request, answer }) => `${commandOf(request)} ${answer.answer}`),
      ["id chosen", "ls declined", "make chosen"],
    );
    const [newest] = output.entries;
    const older = await owner.history({ limit: 1, before: newest!.request.askedAt });
    assert.deepEqual(
      older.entries.map(({ request }) => commandOf(request)),
      ["ls"],
    );
  }),
  one("asks what only a person knows, and shows whose question it is", async ({ owner, guest }) => {
    const said: readonly [AskedQuestion, object, object][] = [
      [questionOf("choice"), { option: "blue" }, { answer: "chosen", option: "blue" }],
      [questionOf("confirm"), { option: "yes" }, { answer: "chosen", option: "yes" }],
      [questionOf("text"), { values: { text: "hi" } }, { answer: "chosen", values: { text: "hi" } }],
      [questionOf("form"), { values: { name: "Ann", size: 3 } }, { answer: "chosen", values: { name: "Ann", size: 3 } }],
      [questionOf("url"), { decline: true }, { answer: "declined" }],
    ];
    for (const [asked, given, expected] of said) {
      const { request, end } = await asking(guest, asked);
      assert.equal(request.kind !== "approval" && request.from, "acme.x", "it says whose question it is");
      await assertFits(ID, "answer", "output", await owner.answer({ id: request.id, digest: request.digest, ...given }));
      const { at: _, by: __, ...answer } = (await end).answer;
      assert.deepEqual(answer, expected);
    }
    assert.equal((await owner.history({})).entries.length, said.length);
  }),
  one("takes a no to a confirmation as a no", async ({ owner }) => {
    const { request, end } = await asking(owner, questionOf("confirm"));
    await owner.answer({ id: request.id, digest: request.digest, option: "no" });
    assert.equal((await end).answer.answer, "declined");
  }),
  one("goes on waiting where what was filled in does not fit", async ({ owner }) => {
    const { request, end } = await asking(owner, questionOf("form"));
    for (const [said, code] of [
      [{ values: { name: "Ann", size: "large" } }, "PLINTH_INTERACTION_VALUES"],
      [{ values: {} }, "PLINTH_INTERACTION_VALUES"],
      [{ values: { name: "Ann", other: 1 } }, "PLINTH_INTERACTION_VALUES"],
      [{ option: "name" }, "PLINTH_INTERACTION_OPTION"],
      [{}, "PLINTH_INTERACTION_OPTION"],
    ] as const) {
      assert.equal((await assertCodedFailure(owner.answer({ id: request.id, digest: request.digest, ...said }))).code, code);
    }
    await owner.answer({ id: request.id, digest: request.digest, values: { name: "Ann" } });
    assert.deepEqual((await end).answer.values, { name: "Ann" });
  }),
  one("tells a secret to whoever asked, and to nobody else", async ({ owner, guest }) => {
    const { request, end } = await asking(guest, questionOf("secret"));
    const output = await owner.answer({ id: request.id, digest: request.digest, values: { text: "hunter2" } });
    assert.deepEqual((await end).answer.values, { text: "hunter2" });
    assert.equal(JSON.stringify([output, await owner.history({})]).includes("hunter2"), false, "it is kept nowhere");
  }),
  one("tells who watches what waits, then each step", async ({ owner, guest }) => {
    const before = await asking(guest, approvalOf("ls"));
    const controller = new AbortController();
    const changes = owner.changes({}, { signal: controller.signal })[Symbol.asyncIterator]();
    const next = async (): Promise<Change> => {
      const { value } = await changes.next();
      await assertFits(ID, "changes", "item", value);
      return value as Change;
    };
    const start = await next();
    assert.deepEqual(start.state === "pending" && start.requests.map((request) => request.id), [before.request.id]);
    const after = await asking(guest, approvalOf("make"));
    const asked = await next();
    assert.deepEqual(asked.state === "asked" && asked.request.id, after.request.id);
    await owner.answer({ id: before.request.id, option: "once", digest: before.request.digest });
    const answered = await next();
    assert.deepEqual(answered.state === "answered" && [answered.request.id, answered.answer.answer], [before.request.id, "chosen"]);
    controller.abort();
    await changes.next().catch(() => {});
  }),
];
