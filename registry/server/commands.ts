import type { Command, OPTIONS } from "./command-shape.ts";

const TOLD: Record<keyof typeof OPTIONS, string> = {
  dir: "DIR    the folder of static files (default ./registry)",
  data: "DIR    the service's own folder, beside it (default: DIR-data)",
  database: "URL    postgres://…, or in PLINTH_REGISTRY_DATABASE (default: SQLite in the service's own folder)",
  name: "NAME   the registry's name",
  port: "N      port to listen at (default 8787; 0: any free one)",
  host: "ADDR   address to listen at (default 127.0.0.1)",
  proxies: "N      reverse proxies of yours before it (default 0)",
  registration: "WHO    who may register a publisher without a token: open, domain or token (default token)",
  reads: "N      reads a minute from one address (default 6000)",
  user: "USER   whom the token belongs to",
  scope: "LIST   publish,yank,owner,admin (default publish,yank,owner)",
  for: "LIST   packages: *, publisher.* or ids (default *)",
  days: "N      how long it lasts (default 90)",
  label: "TEXT   what it is for",
  json: "       answer as JSON",
  help: "       this help",
};

/** What does the work is loaded when it is to be done: help and wrong usage cost nothing. */
const action =
  (name: keyof typeof import("./actions.ts")): Command["run"] =>
  async (values, words, out) =>
    (await import("./actions.ts"))[name](values, words, out);

export const COMMANDS: readonly Command[] = [
  {
    name: "init",
    words: [],
    summary: "Make a registry: its folder, the keys it signs with, and a first token.",
    options: ["dir", "data", "database", "name", "user"],
    examples: ["plinth-registry init --dir /srv/registry --name example"],
    run: action("init"),
  },
  {
    name: "serve",
    words: [],
    summary: "Serve a registry until it is told to stop.",
    options: ["dir", "data", "database", "port", "host", "proxies", "registration", "reads"],
    examples: ["plinth-registry serve --dir /srv/registry --port 8787", "plinth-registry serve --host 0.0.0.0 --proxies 1 --json"],
    run: action("serve"),
  },
  {
    name: "token create",
    words: [],
    summary: "Make a token. It is shown once. A user's name that is nobody's yet is kept for who gets it.",
    options: ["dir", "data", "database", "user", "scope", "for", "days", "label"],
    examples: ["plinth-registry token create --user ann --for 'demo.*' --days 30"],
    run: action("createToken"),
  },
  {
    name: "token list",
    words: [],
    summary: "All tokens, or one user's, without their secrets.",
    options: ["dir", "data", "database", "user"],
    examples: ["plinth-registry token list --user ann"],
    run: action("listTokens"),
  },
  {
    name: "token revoke",
    words: ["ID"],
    summary: "End a token, and all that were made from it.",
    options: ["dir", "data", "database"],
    examples: ["plinth-registry token revoke 0123456789abcdef"],
    run: action("revokeToken"),
  },
  {
    name: "owner add",
    words: ["PUBLISHER", "USER"],
    summary: "Let a user act for a publisher. A name that is nobody's yet is kept for this user.",
    options: ["dir", "data", "database"],
    examples: ["plinth-registry owner add demo ann"],
    run: action("addOwner"),
  },
  {
    name: "reindex",
    words: [],
    summary: "Make search anew from the folder.",
    options: ["dir", "data", "database"],
    examples: ["plinth-registry reindex --dir /srv/registry"],
    run: action("reindexFolder"),
  },
  {
    name: "repair",
    words: [],
    summary: "Mend a damaged feed of advisories: with what the log vouches for, and what the packages say.",
    options: ["dir", "data"],
    examples: ["plinth-registry repair --dir /srv/registry"],
    run: action("repair"),
  },
];

export function helpOf(command: Command | undefined, bold: (text: string) => string): string {
  const options = (names: readonly (keyof typeof OPTIONS)[]) => names.map((name) => `  --${name.padEnd(13)} ${TOLD[name]}`).join("\n");
  if (command !== undefined) {
    return [
      `${bold(`plinth-registry ${[command.name, ...command.words].join(" ")}`)}: ${command.summary}`,
      `\n${bold("Options")}\n${options([...command.options, "json", "help"])}`,
      `\n${bold("Examples")}\n${command.examples.map((line) => `  ${line}`).join("\n")}`,
    ].join("\n");
  }
  const rows = COMMANDS.map(({ name, words, summary }) => `  ${[name, ...words].join(" ").padEnd(26)} ${summary}`);
  return [
    `${bold("plinth-registry")}: a registry of Plinth extensions.`,
    `\n${bold("Commands")}\n${rows.join("\n")}`,
    `\n${bold("Options")} of all\n${options(["dir", "data", "database", "json", "help"])}`,
    `\n${bold("Examples")}\n${COMMANDS.slice(0, 3)
      .map(({ examples }) => `  ${examples[0]}`)
      .join("\n")}`,
    "\n`plinth-registry COMMAND --help` tells more of one.",
  ].join("\n");
}
