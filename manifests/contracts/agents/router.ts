import Type from "typebox";
import { defineContract } from "../../define.ts";
import { Address, Sender } from "../channels/address.ts";
import { SaidIn } from "./said-in.ts";

const names = (maxItems: number) => Type.Array(Type.String({ maxLength: 512 }), { maxItems });

const said = {
  surface: Type.String(),
  sender: Type.Optional(Type.String()),
  sessionKey: Type.Optional(Type.String()),
  model: Type.Optional(Type.String()),
  within: Type.Optional(
    Type.Object(
      { guild: Type.Optional(Type.String()), team: Type.Optional(Type.String()), parent: Type.Optional(Address.properties.peer) },
      { description: "What its place lies in, as the channel tells it." },
    ),
  ),
  kind: Type.Optional(SaidIn),
  address: Type.Optional(Address),
  from: Type.Optional(Sender),
  mentionsMe: Type.Optional(Type.Boolean()),
  repliesToMe: Type.Optional(Type.Boolean()),
  command: Type.Optional(Type.String({ maxLength: 128, description: "Without a slash, where it is one." })),
  parts: Type.Optional(
    Type.Array(Type.String({ maxLength: 64 }), {
      maxItems: 64,
      description: "Kinds of its parts: a model that sees pictures is wanted for some.",
    }),
  ),
  agent: Type.Optional(Type.String({ maxLength: 256, description: "Asked for by name." })),
  parentSession: Type.Optional(Type.String({ maxLength: 256 })),
  at: Type.Optional(Type.Number()),
};

export const router = defineContract({
  id: "plinth.router",
  version: "1.0.0",
  title: "Router",
  summary: "Decides which agent and which session a message belongs to.",
  cardinality: "one",
  selection: "by-id",
  descriptor: Type.Object({ title: Type.String() }),
  methods: {
    route: {
      summary: "Choose. The result never depends on load order.",
      input: Type.Object(said),
      output: Type.Object({
        action: Type.Optional(
          Type.Enum(["answer", "observe", "ignore", "pair", "refuse"], {
            description:
              "answer (default). observe: noted in the session, not answered. ignore: neither. pair: who it is has to be settled first. refuse: not answered, and `say` is said.",
          }),
        ),
        say: Type.Optional(Type.String({ maxLength: 2_000 })),
        why: Type.Optional(Type.String({ maxLength: 256, description: "The rule that decided, for people." })),
        lane: Type.Optional(
          Type.Object({
            mode: Type.Optional(Type.Enum(["followup", "collect", "interrupt", "steer"], { description: "Where the message asks for none." })),
            debounceMs: Type.Optional(Type.Integer({ minimum: 0, maximum: 60_000 })),
          }),
        ),
        fallbacks: Type.Optional(names(16)),
        thinking: Type.Optional(Type.String({ maxLength: 32, description: "off, or one of the model's efforts." })),
        tools: Type.Optional(Type.Object({ allow: Type.Optional(names(512)), deny: Type.Optional(names(512)) })),
        role: Type.Optional(Type.Enum(["owner", "guest"], { description: "The most that its turn may be; it can only lower." })),
        delivery: Type.Optional(
          Type.Object({
            to: Type.Optional(Type.Array(Address, { maxItems: 64, description: "Default: where it came from." })),
            thread: Type.Optional(Type.Enum(["same", "new", "none"])),
            stream: Type.Optional(Type.Boolean()),
            mention: Type.Optional(Type.Boolean()),
          }),
        ),
        agent: Type.String(),
        sessionKey: Type.String(),
        harness: Type.String(),
        model: Type.String(),
        workspace: Type.String({ description: "Absolute path." }),
        system: Type.Array(Type.String()),
      }),
      deadlineMs: 2_000,
      idempotent: true,
    },
    explain: {
      summary: "Say which agent and which session a message would belong to, and why the others do not answer it. Nothing is made or sent.",
      input: Type.Object({ ...said, owner: Type.Optional(Type.Boolean({ description: "Whether the owner wrote it. Default: whoever asks." })) }),
      output: Type.Object({
        agent: Type.String(),
        sessionKey: Type.String(),
        tier: Type.String({ description: "What decided, such as peer or fallback." }),
        why: Type.String(),
        binding: Type.Optional(Type.Integer({ minimum: 0, description: "Which one, from 0." })),
        action: Type.Optional(Type.Enum(["answer", "observe", "ignore", "pair", "refuse"])),
        passed: Type.Array(Type.Object({ binding: Type.Integer({ minimum: 0 }), agent: Type.String(), why: Type.String() })),
      }),
      deadlineMs: 2_000,
      idempotent: true,
    },
    agents: {
      summary: "The agents there are.",
      input: Type.Object({}),
      output: Type.Object({
        agents: Type.Array(
          Type.Object({
            id: Type.String(),
            title: Type.String(),
            model: Type.String(),
            harness: Type.Optional(Type.String()),
            workspace: Type.Optional(Type.String({ description: "Absolute path. It may not be there yet." })),
            fallbacks: Type.Optional(names(16)),
            thinking: Type.Optional(Type.String()),
            tools: Type.Optional(Type.Object({ allow: Type.Optional(names(512)), deny: Type.Optional(names(512)) })),
            identity: Type.Optional(
              Type.Object({
                name: Type.Optional(Type.String()),
                theme: Type.Optional(Type.String()),
                emoji: Type.Optional(Type.String()),
                avatar: Type.Optional(Type.String({ description: "A path in its workspace, an http(s) address or a data URL." })),
              }),
            ),
          }),
        ),
      }),
      deadlineMs: 2_000,
      idempotent: true,
    },
  },
  errors: { PLINTH_NO_AGENT: "No agent has this id, or the conversation is another one's." },
});
