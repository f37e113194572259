import type { InteractionQuestion, TurnEvent } from "@plinth/sdk";
import { questionOf } from "@plinth/sdk/testing";
import { expect, it } from "vitest";
import { Approvals } from "./approval.ts";
import type { Run } from "./command.ts";

type Interaction = Extract<TurnEvent, { type: "interaction" }>;

const asked = (more: Partial<InteractionQuestion>): Interaction => ({
  type: "interaction",
  state: "asked",
  request: {
    ...questionOf("confirm"),
    ...{ id: "k7m2qd", digest: "d".repeat(64), askedBy: "plinth.tools", askedAt: 0, expiresAt: 1, from: "acme.x", options: [], fields: [] },
    ...more,
  },
});
const options = ["Red", "Blue\u202e"].map((label) => ({ id: label.slice(0, 3), label, style: "normal" as const }));

/** A shell that does as it is told; what it says, passes on and takes back. */
function shell(terminal: { local: boolean; tty: boolean }) {
  const did: object[] = [];
  const shown = {
    run: async function* () {
      yield { out: "acme.x asks\n" };
    },
  };
  const interaction = { withdraw: async ({ why }: { why: string }) => void did.push({ why }) };
  const ctx = { use: (contract: string) => (contract === "plinth.cli-command" ? { get: () => shown } : { one: () => interaction }) };
  const run = {
    ctx,
    terminal: { ...terminal, json: false, columns: 80, color: false, cwd: "/" },
    emit: async (item: object) => void did.push(item),
    err: async (err: string) => void did.push({ err }),
    asTyped: (body: () => Promise<unknown>) => body(),
  };
  return { approvals: new Approvals(run as unknown as Run), did };
}

it("a choice of a tool's is a key at the terminal of whoever runs a turn, or none", async () => {
  const { approvals, did } = shell({ local: false, tty: true });
  await approvals.follow(asked({ kind: "choice", options }));
  expect(did).toEqual([
    { err: "\nacme.x asks\n" },
    {
      choose: {
        id: "k7m2qd",
        question: "Your answer? 1 = Red, 2 = Blue⟨U+202E⟩, d = none",
        choices: [
          { key: "1", argv: ["questions", "answer", "k7m2qd", "1"] },
          { key: "2", argv: ["questions", "answer", "k7m2qd", "2"] },
          { key: "d", argv: ["questions", "answer", "k7m2qd", "--decline"] },
        ],
      },
    },
  ]);
});

it("what is to be filled in is shown with the way to answer it, and taken back where nobody can", async () => {
  const field = { name: "text", title: "x", type: "text" as const, required: true };
  const there = shell({ local: false, tty: true });
  await there.approvals.follow(asked({ kind: "text", fields: [field] }));
  expect(there.did).toEqual([{ err: "\nacme.x asks\n" }]);
  const alone = shell({ local: true, tty: false });
  await alone.approvals.follow(asked({ kind: "choice", options }));
  expect(alone.did[1]).toMatchObject({ why: expect.stringContaining("nobody can answer") });
});
