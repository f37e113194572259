import {
  type InteractionAnswer,
  type InteractionApproval,
  type InteractionField,
  type InteractionQuestion,
  type InteractionRequest,
  visible,
} from "@plinth/sdk";

/** Everything that a person has to know before an answer, each under its name; text of others is made visible. */
export function factsOf(request: InteractionRequest, now: number): [name: string, value: string][] {
  return request.kind === "approval" ? approvalFacts(request, now) : questionFacts(request, now);
}

function approvalFacts(request: InteractionApproval, now: number): [name: string, value: string][] {
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
    ["Expires", until(expiresAt, now)],
  ];
  return facts.filter((fact): fact is [string, string] => fact[1] !== undefined);
}

function questionFacts(request: InteractionQuestion, now: number): [name: string, value: string][] {
  const { from, tool, message, options, fields, url, sessionKey, expiresAt } = request;
  const facts: [string, string | undefined][] = [
    ["Asks", `${visible(from, { max: 256 })}${tool === undefined || tool === from ? "" : `, with ${visible(tool, { max: 256 })}`}`],
    ["Question", visible(message, { lines: true, max: 4_000 })],
    ["Page", url && visible(url, { max: 8_192 })],
    ["Choices", options.map(({ label }, at) => `${at + 1}  ${visible(label)}`).join("\n") || undefined],
    ["Fields", fields.map(fieldLine).join("\n") || undefined],
    ["Conversation", visible(sessionKey, { max: 256 })],
    ["Expires", until(expiresAt, now)],
  ];
  return facts.filter((fact): fact is [string, string] => fact[1] !== undefined);
}

function fieldLine({ name, title, description, type, required, options, default: usual }: InteractionField): string {
  const what = options === undefined ? type : options.map(({ label }, at) => `${at + 1} ${label}`).join(", ");
  const more = [title === name ? "" : title, what, required ? "" : "optional", usual === undefined ? "" : `usually ${JSON.stringify(usual)}`];
  const said = `${name}: ${more.filter((one) => one !== "").join("; ")}`;
  return visible(description === undefined ? said : `${said} (${description})`, { max: 3_000 });
}

const until = (expiresAt: number, now: number): string => (expiresAt > now ? `in ${span(expiresAt - now)}; no answer is no` : "now");

/** How it is answered in words, with `start` before it, such as `/answer ID`. */
export function waysOf({ options, fields }: InteractionQuestion, start: string): string {
  if (options.length > 0) return `${start} ${options.length === 1 ? "1" : `1…${options.length}`}`;
  const [only] = fields;
  return `${start} ${fields.length === 1 && only !== undefined ? "TEXT" : fields.map(({ name }) => `${name}=…`).join(" ")}`;
}

/** One line: enough to tell it from others, not enough to answer it. */
export function headline(request: InteractionRequest): string {
  if (request.kind !== "approval") return `${visible(request.from, { max: 60 })} asks: ${visible(request.message, { max: 120 })}`;
  const { action, risk } = request;
  const { effect, tool, args, subject } = action;
  const what = subject === undefined ? JSON.stringify(args) : subject.argv.map(quoted).join(" ");
  return `${risk} risk, ${effect}: ${visible(tool, { max: 60 })} ${visible(what, { max: 120 })}`;
}

/** Such as `allowed (once) by the owner via local at 2026-03-01 12:30:01 UTC`. */
export function outcome(request: InteractionRequest, { answer, option, values, by, at, why }: InteractionAnswer): string {
  const when = `${new Date(at).toISOString().slice(0, 19).replace("T", " ")} UTC`;
  const who =
    by.role === "system" ? "" : ` by the ${by.role}${by.name ? ` ${visible(by.name, { max: 80 })}` : ""} via ${visible(by.via, { max: 80 })}`;
  const isApproval = request.kind === "approval";
  const label = request.options.find(({ id }) => id === option)?.label ?? option;
  const said = isApproval ? option : label !== undefined ? visible(label) : values === undefined ? "" : visible(JSON.stringify(values), { max: 500 });
  const yes = `${isApproval ? "allowed" : "answered"}${said ? ` (${said})` : ""}`;
  const what = { chosen: yes, declined: isApproval ? "denied" : "declined", cancelled: "withdrawn", expired: "expired" }[answer];
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
