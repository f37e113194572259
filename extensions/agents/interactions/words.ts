import { type InteractionAnswer, type InteractionRequest, visible } from "@plinth/sdk";

/** Everything that a person has to know before an answer, each under its name; text of others is made visible. */
export function factsOf(request: InteractionRequest, now: number): [name: string, value: string][] {
  const { action, influencedBy, risk, why, sessionKey, expiresAt } = request;
  const { effect, tool, summary, args, subject } = action;
  const facts: [string, string | undefined][] = [
    ["Action", visible(summary)],
    ["Tool", `${visible(tool, { max: 256 })} (${effect})`],
    ["Arguments", exact(args)],
    ["Command", subject?.argv.map(quoted).join(" ")],
    ["Folder", subject && visible(subject.cwd, { max: 4_096 })],
    ["Environment", subject && subject.env.length > 0 ? `changes ${visible(subject.env.join(", "))}` : undefined],
    ["Program", subject?.executable && `${visible(subject.executable.path, { max: 4_096 })} (sha256 ${subject.executable.sha256})`],
    [
      "Influenced by",
      influencedBy.length > 0 ? influencedBy.map(({ party, how }) => `${party}: ${how}`).join("\n") : "nobody but you and the product",
    ],
    ["Risk", `${risk}. ${why}`],
    ["Conversation", visible(sessionKey, { max: 256 })],
    ["Expires", expiresAt > now ? `in ${span(expiresAt - now)}; no answer is no` : "now"],
  ];
  return facts.filter((fact): fact is [string, string] => fact[1] !== undefined);
}

/** One line: enough to tell it from others, not enough to answer it. */
export function headline({ action, risk }: InteractionRequest): string {
  const { effect, tool, args, subject } = action;
  const what = subject === undefined ? JSON.stringify(args) : subject.argv.map(quoted).join(" ");
  return `${risk} risk, ${effect}: ${visible(tool, { max: 60 })} ${visible(what, { max: 120 })}`;
}

/** Such as `allowed (once) by the owner via local at 2026-03-01 12:30:01 UTC`. */
export function outcome({ answer, option, by, at, why }: InteractionAnswer): string {
  const when = `${new Date(at).toISOString().slice(0, 19).replace("T", " ")} UTC`;
  const who =
    by.role === "system" ? "" : ` by the ${by.role}${by.name ? ` ${visible(by.name, { max: 80 })}` : ""} via ${visible(by.via, { max: 80 })}`;
  const what = { chosen: `allowed (${option})`, declined: "denied", cancelled: "withdrawn", expired: "expired" }[answer];
  return `${what}${who} at ${when}${why ? `: ${visible(why).replace(/\.$/, "")}` : ""}`;
}

/** All of it, as JSON: what has no picture of its own is escaped there, the rest is made visible. */
export function exact(args: unknown): string {
  return visible(JSON.stringify(args, undefined, 2), { lines: true, max: 300_000 });
}

/** As a shell would need it, so that where a word begins and ends is seen. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : visible(JSON.stringify(word), { max: 300_000 });
}

function span(ms: number): string {
  return ms >= 90_000 ? `${Math.round(ms / 60_000)} minutes` : `${Math.ceil(ms / 1_000)} seconds`;
}
