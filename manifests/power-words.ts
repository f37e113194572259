/**
 * What it amounts to that a third party provides, uses or takes part in something of the product's, in plain words that
 * follow "It may". A contract or hook that is missing here is named as it is.
 */
export const PROVIDE_WORDS: Readonly<Record<string, string>> = {
  "plinth.model-provider": "answer in place of your model and decide which tools are called, and see everything that you write, once you chose it",
  "plinth.model-vendor": "say to which address what you write is sent to be answered, and with which key of yours, once you chose it",
  "plinth.model-api": "carry everything that you write to a model, and answer in the model's place, once you chose it",
  "plinth.harness": "run your agents' turns, see their whole conversations and decide which tools are called, once you chose it",
  "plinth.channel": "bring other people's messages to your agents and carry answers to them",
  "plinth.inbox": "take whatever comes in over channels and say who wrote it, if you put it there",
  "plinth.tool-set": "bring tools that are known only when it runs, and describe them to your agents in words that it can change",
  "plinth.plugin-source": "say what there is to install, and fetch it",
  "plinth.router": "decide which agent, model and folder every message goes to, if you put it there",
  "plinth.turns": "take every message to its answer, and so read and change all of them, if you put it there",
  "plinth.session-store": "keep all conversations, and so read and change them, if you put it there",
  "plinth.artifacts": "keep every picture, recording and file of your conversations, if you put it there",
  "plinth.event-log": "keep the record of what happened, if you put it there",
  "plinth.tasks": "keep the ledger of work in the background, if you put it there",
  "plinth.interaction": "ask you in the product's voice and pass on your answers, if you put it there",
  "plinth.tool-catalog": "stand between your agents and all their tools, if you put it there",
  "plinth.policy": "decide what turns may do without asking you, if you put it there",
  "plinth.secret-source": "see your secrets in clear, if you put it there",
  "plinth.egress": "carry all network traffic of extensions, with secrets in clear, if you put it there",
  "plinth.file-access": "read and write files for all extensions, if you put it there",
  "plinth.program-runner": "run programs for all extensions, if you put it there",
  "plinth.kv-store": "keep what all extensions store, if you put it there",
  "plinth.audit": "keep the record of decisions, if you put it there",
  "plinth.tier": "build the walls of other extensions, if you put it there",
  "plinth.contract-adapter": "change what passes between extensions that speak different majors of a contract of its own",
  "plinth.entry": "be what runs at every command, if you put it there",
};

/** Contracts for which an owner chooses each third party once, before it is listed or called. */
export const CHOSEN: readonly string[] = ["plinth.model-provider", "plinth.model-vendor", "plinth.model-api", "plinth.harness"];

export const USE_WORDS: Readonly<Record<string, string>> = {
  "plinth.turns": "write messages of its own into your conversations, start turns of your agents and read the answers",
  "plinth.session-store": "read all conversations, and add entries in its own name",
  "plinth.artifacts": "keep files of its own, and read the pictures and files that it is told of",
  "plinth.event-log": "read what happened, as far as guests may, and add events of its own",
  "plinth.tasks": "see what runs in the background, and add work of its own",
  "plinth.model-provider": "ask your models, at your cost",
  "plinth.harness": "run turns of your agents with whatever it writes",
  "plinth.tool": "call your agents' tools as a guest",
  "plinth.tool-set": "call the tools of your tool sets as a guest",
  "plinth.tool-catalog": "see what tools your agents have, and call them as a guest",
  "plinth.chat-command": "run slash commands as a guest",
  "plinth.channel": "send messages to other people through your channels",
  "plinth.inbox": "bring your agents what other people write on the channels that it provides",
  "plinth.router": "see where messages go",
  "plinth.plugin-source": "fetch packages through the product's sources",
  "plinth.host": "see what is installed here and how it is set up",
  "plinth.gateway-method": "call the gateway's methods as a guest",
  "plinth.interaction": "ask you questions in its own name while a turn runs, and no approvals",
};

export const HOOK_WORDS: Readonly<Record<string, string>> = {
  "message.received": "read everything you write, and change it before the agent sees it",
  "turn.prepare": "choose another model for each turn and add to its instructions",
  "prompt.build": "read and change your agents' instructions",
  "tool.before": "see every tool call with what it is given, and deny it",
  "tool.after": "read every tool's result, and change it before the agent sees it",
  "message.sending": "read every answer, and change it before you see it",
  "turn.end": "be told when turns end, with which model and what they cost",
  "channel.happened": "be told who joins, leaves and reacts on your channels",
  "delivery.failed": "be told which messages did not arrive",
  "install.before": "see what is about to be installed, and deny it",
  "tools.changed": "be told when the tools that there are change",
  "generation.ready": "be told when something is installed, removed or configured",
};

/** What passes through its hands, by what gives it that; for saying what two powers amount to together. */
export const SEES: Readonly<Record<"hooks" | "uses" | "provides", Readonly<Record<string, string>>>> = {
  hooks: {
    "message.received": "what you write",
    "prompt.build": "your agents' instructions",
    "turn.prepare": "your agents' instructions",
    "tool.before": "what tools are given",
    "tool.after": "what tools answer",
    "message.sending": "your agents' answers",
  },
  uses: { "plinth.session-store": "all conversations", "plinth.turns": "your agents' answers" },
  provides: {
    "plinth.model-provider": "what you write",
    "plinth.model-vendor": "what you write",
    "plinth.model-api": "what you write",
    "plinth.harness": "what you write",
    "plinth.router": "where your messages go",
    "plinth.turns": "what you write",
    "plinth.session-store": "all conversations",
    "plinth.artifacts": "the files of all conversations",
    "plinth.secret-source": "your secrets",
    "plinth.channel": "what comes and goes through it",
  },
};
