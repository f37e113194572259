import { isDeepStrictEqual } from "node:util";
import { type Finding, visible } from "@plinth/sdk";
import type { RouterConfig } from "../decide.ts";
import { isAgent, type listed } from "../ids.ts";
import { matchText } from "./binding-text.ts";

type Listed = Awaited<ReturnType<typeof listed>>;

const MOST = 100;

/** What of the configuration does not do what it says. */
export function findingsOf(config: RouterConfig, agents: Listed): Finding[] {
  return [...ofNobody(config), ...neverReached(config), ...inOneFolder(agents)].slice(0, MOST);
}

const found = (severity: Finding["severity"], code: string, what: string, why: string, next: string): Finding => ({
  ...{ code, severity, owner: "plinth.router", next },
  what: visible(what, { max: 480 }),
  why: visible(why, { max: 1_000 }),
});

function ofNobody(config: RouterConfig): Finding[] {
  const { bindings = [], fallback } = config;
  const why = "Messages for it are answered by nobody.";
  const lost = bindings.flatMap(({ agent, match }, at) =>
    isAgent(config, agent)
      ? []
      : [
          found(
            "problem",
            "PLINTH_NO_AGENT",
            `has binding ${at + 1}, ${matchText(match)}, of ${agent}, which is not there`,
            why,
            `plinth agents add ${agent}`,
          ),
        ],
  );
  if (fallback === undefined || fallback === "none" || isAgent(config, fallback)) return lost;
  return [...lost, found("problem", "PLINTH_NO_AGENT", `has ${fallback} as \`fallback\`, which is not there`, why, `plinth agents add ${fallback}`)];
}

function neverReached({ bindings = [] }: RouterConfig): Finding[] {
  const seen: number[] = [];
  return bindings.flatMap(({ agent, match }, at) => {
    const before = seen.find((other) => isDeepStrictEqual(bindings[other]?.match, match));
    if (before === undefined) {
      // So many are looked at, however many there are.
      if (seen.length < 1_000) seen.push(at);
      return [];
    }
    const why = `Binding ${before + 1}, of ${bindings[before]?.agent}, fits the same and stands before it.`;
    return [
      found("notice", "PLINTH_BINDING_UNUSED", `never uses binding ${at + 1}, ${matchText(match)} for ${agent}`, why, "plinth agents bindings"),
    ];
  });
}

function inOneFolder(agents: Listed): Finding[] {
  const sorted = agents.map(({ id, workspace }) => ({ id, path: `${workspace.replace(/\/+$/, "")}/` })).sort((a, b) => (a.path < b.path ? -1 : 1));
  return sorted.slice(1).flatMap(({ id, path }, at) => {
    const outer = sorted.slice(0, at + 1).findLast((other) => path.startsWith(other.path));
    if (outer === undefined) return [];
    const why = `${outer.id} reads and writes what ${id} has in ${path.slice(0, -1)}.`;
    const next = `plinth config set 'extensions["plinth.router"].config.agents.entries.${id}.workspace' PATH`;
    return [found("notice", "PLINTH_WORKSPACE_SHARED", `has ${id} work within the folder of ${outer.id}`, why, next)];
  });
}
