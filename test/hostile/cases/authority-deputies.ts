import { bare, installed, TERMINAL, uses } from "../authority.testing.ts";
import { both, by, type HostileCase } from "../case.ts";

/** What asks for an owner: with an owner's work in hand, it would change the configuration, but nothing that anybody needs. */
const SETTING = { args: { path: 'extensions["nobody.there"].enabled', value: "false" }, options: {}, terminal: TERMINAL };

/** As the gateway would hand it to a route. */
const requestOf = (path: string, body: unknown) => ({
  ...{ id: "x", method: "POST", path, params: {}, target: path, query: [], headers: {}, rawHeaders: [] },
  ...{ url: `http://127.0.0.1${path}`, scheme: "http", host: "127.0.0.1", remote: "127.0.0.1" },
  body: { type: "text", text: JSON.stringify(body) },
});

const doors: [id: string, contract: string, tries: string, code: string][] = [
  [
    "deputy-shell-command",
    "plinth.cli-command",
    "has a shell command change the configuration",
    `drain(bridge.open("plinth.cli-command", "config.set", "run", ${JSON.stringify(SETTING)}, {}))`,
  ],
  [
    "deputy-slash-command",
    "plinth.chat-command",
    "runs a slash command of owners",
    `drain(bridge.open("plinth.chat-command", "plugins", "run", { args: "enable NEIGHBOUR", sessionKey: "x" }, {}))`,
  ],
  [
    "deputy-gateway-method",
    "plinth.gateway-method",
    "calls a method of owners as the gateway would",
    `bridge.call("plinth.gateway-method", "plugins.enable", "call", { id: "NEIGHBOUR" }, {})`,
  ],
  [
    "deputy-entry",
    "plinth.entry",
    "runs a command line as the launcher would",
    `drain(bridge.open("plinth.entry", null, "main", ${JSON.stringify({ argv: ["config", "set", SETTING.args.path, "false"], terminal: TERMINAL })}, {}))`,
  ],
  [
    "deputy-route",
    "plinth.http-route",
    "runs a command line through the gateway's route for it, past its token",
    `drain(bridge.open("plinth.http-route", "cli.api", "handle", ${JSON.stringify(requestOf("/api/cli", { argv: ["config", "set", SETTING.args.path, "false"], terminal: TERMINAL }))}, {}))`,
  ],
  [
    "deputy-turn",
    "plinth.turns",
    "submits a message with a command of owners",
    `drain(bridge.open("plinth.turns", null, "submit", { text: "/plugins enable NEIGHBOUR", surface: "x", sessionKey: "deputy" }, {}))`,
  ],
  [
    "deputy-source",
    "plinth.plugin-source",
    "has a source of packages read an archive of this machine and write into a folder that it names",
    `bridge.call("plinth.plugin-source", "archive", "fetch", { spec: "ARCHIVE", cwd: "/", into: "INTO" }, {})`,
  ],
  [
    "deputy-credentials-seen",
    "plinth.credentials",
    "looks at which keys and sign-ins there are",
    `bridge.call("plinth.credentials", null, "list", {}, {})`,
  ],
  [
    "deputy-credentials-steered",
    "plinth.credentials",
    "has a key of the owner's taken for refused, so that another one is used",
    `bridge.call("plinth.credentials", null, "report", { id: "openai:OPENAI_API_KEY", outcome: "auth" }, {})`,
  ],
  [
    "deputy-credentials-changed",
    "plinth.credentials",
    "has a program run for the value of a key of its own",
    `bridge.call("plinth.credentials", null, "add", { vendor: "openai", kind: "key", from: { command: ["id"] } }, {})`,
  ],
  [
    "deputy-tool",
    "plinth.tool",
    "has the tool exec run a command, past the gate that turns ask",
    `bridge.call("plinth.tool", "exec", "call", { args: { command: "id" }, workspace: "/" }, {})`,
  ],
];

const REFUSALS = ["PLINTH_NOT_OWNER", "PLINTH_NOT_AUTHENTICATED", "PLINTH_FORBIDDEN", "PLINTH_PERMISSION", "PLINTH_AUTHORITY"];

/**
 * Its consent said "use". What it calls must not take it for the owner whose work it happens to be a part of: otherwise
 * each of these doors is administration, and the wall's other side of it.
 */
export const cases: HostileCase[] = doors.map(([id, contract, tries, code]) => ({
  id,
  tries,
  phase: "call",
  stopped: both(REFUSALS.map((one) => by("broker", one))),
  manifest: { uses: uses(contract) },
  parts: ({ neighbour, home, outside }, tier) => {
    const filled = code.replaceAll("NEIGHBOUR", neighbour).replaceAll("ARCHIVE", `${home}/desk/none.tgz`).replaceAll("INTO", outside);
    // A command line and a turn tell what they were refused in their own words.
    const told =
      'const code = /PLINTH_(NOT_OWNER|NOT_AUTHENTICATED|FORBIDDEN|PERMISSION)/.exec(JSON.stringify(answer))?.[0]; if (code !== undefined || /Only the owner|for the owner/.test(JSON.stringify(answer))) throw Object.assign(new Error("refused: " + JSON.stringify(answer).slice(0, 300)), { code: code ?? "PLINTH_NOT_OWNER" }); return answer;';
    return bare(`${id}-${tier}`, `return probe({ door: async () => { const answer = await ${filled}; ${told} } });`);
  },
  async attack(attack) {
    await installed(attack);
    const found = await attack.call();
    return found.code.startsWith("PLINTH_") ? { ...found, by: "broker" } : found;
  },
  blameless: true,
}));
