import { isProduct } from "@plinth/sdk";
import type { Installed, InstallResult, Provided } from "./installation.ts";
import { cardFacts } from "./market/trust-card.ts";
import type { Job } from "./operation.ts";
import { type Block, code, type Report, safe } from "./report.ts";
import type { Part } from "./set/step.ts";

export type Asked = Extract<InstallResult, { status: "needs-consent" }>;

/** What an installation came to: nothing to do, a question, or something new and how to use it. */
export function installReport(result: InstallResult, { requester }: Job): Report {
  if (result.status === "unchanged") return { blocks: [{ text: `${code(result.id)} ${safe(result.version)} is installed already.` }] };
  if (result.status === "installed") return { blocks: ready(result) };
  const chat = requester.surface === "chat";
  return { ...question(result, chat), blocks: [...partsBlocks([result, ...result.along]), ...consentBlocks(result, chat)] };
}

/** What a set changes: each of its extensions with everything that it asks for. */
export function partsBlocks(parts: readonly Part[]): Block[] {
  const [asked, along] = [parts.filter((one) => one.asked), parts.filter((one) => !one.asked)];
  const blocks = asked.flatMap((part) => partBlocks(part, `${headline(part)}${asked.length === 1 ? "?" : ""}`));
  if (along.length > 0) blocks.push({ text: `With it ${along.length === 1 ? "comes 1 extension" : `come ${along.length} extensions`}:` });
  for (const part of along) blocks.push(...partBlocks(part, headline(part)));
  return blocks;
}

function headline({ id, version, title, replaces }: Part): string {
  const what = replaces === undefined ? `Install ${code(id)} ${safe(version)}` : `Change ${code(id)} from ${safe(replaces)} to ${safe(version)}`;
  return `${what} (${safe(title, 80)})`;
}

function partBlocks({ replaces, source, trust, because, asked, widens, narrows, notices, asks }: Part, text: string): Block[] {
  const facts: [string, string][] = [["From", source], ...cardFacts(trust)];
  if (!asked && because.length > 0) facts.push(["Because", because.join("; ")]);
  const blocks: Block[] = [{ text }, { facts }];
  if (notices.length > 0) blocks.push({ title: "Look at this first" }, { items: notices });
  if (replaces !== undefined) blocks.push({ title: "New against the installed version" }, { items: widens.length > 0 ? widens : ["nothing"] });
  if (narrows.length > 0) blocks.push({ title: "No longer" }, { items: narrows });
  blocks.push({ title: "It may" }, { items: asks.length > 0 ? asks : ["do nothing outside itself"] });
  return blocks;
}

export function consentBlocks({ code: word }: Pick<Asked, "code">, chat: boolean): Block[] {
  const how = chat ? `\`/plugins confirm ${word}\`` : `\`plinth plugins confirm ${word}\``;
  const minutes = 10;
  return [{ text: `Yes: ${how}, once, within ${minutes} minutes. No: do nothing.` }];
}

export function question({ id, version, along, code: word }: Asked, chat: boolean): Pick<Report, "suggest" | "confirm"> {
  const what = `${id} ${version}${along.length === 0 ? "" : ` and ${along.length} more`}`;
  if (chat) return { suggest: [{ label: `Install ${what}`, text: `/plugins confirm ${word}` }] };
  return { confirm: { question: `Install ${what} with these permissions?`, argv: ["plugins", "confirm", word] } };
}

function ready({ id, version, replaces, provides, hooks, along, parts = [] }: Installed): Block[] {
  const before = replaces === undefined ? "" : `, in place of ${safe(replaces)}`;
  const uses = provides.map((one) => useOf(one, id)).filter((use) => use !== undefined);
  if (hooks.length > 0) uses.push(`takes part in ${hooks.join(", ")}`);
  const blocks: Block[] = [{ text: `${code(id)} ${safe(version)} is installed and ready${before}.` }];
  if (uses.length > 0) blocks.push({ items: uses });
  if (along.length > 0) {
    const names = along.map((one) => `${one.id} ${one.version}${one.replaces === undefined ? "" : `, in place of ${one.replaces}`}`);
    blocks.push({ title: "With it came" }, { items: names });
  }
  for (const part of parts) {
    const of = parts.length === 1 ? "" : `${safe(part.id)}: `;
    blocks.push({ title: `${of}Who vouches for it` }, { facts: cardFacts(part.trust) });
    if (part.asks.length > 0) blocks.push({ title: `${of}It may` }, { items: part.asks });
    if (part.widens.length > 0) blocks.push({ title: `${of}New against the version before` }, { items: part.widens });
    if (part.notices.length > 0) blocks.push({ title: `${of}Worth knowing` }, { items: part.notices });
  }
  return blocks;
}

/** How a person uses what was installed. */
function useOf({ contract, id, descriptor }: Provided, extension: string): string | undefined {
  const told = (descriptor ?? {}) as { name?: unknown; path?: unknown; say?: unknown; api?: unknown };
  // The product's own needs no choice.
  const once = isProduct(extension) ? "" : "choose it once (grants choose), then ";
  const example = Array.isArray(told.say) && typeof told.say[0] === "string" ? ` (such as “${told.say[0]}”)` : "";
  switch (contract) {
    case "plinth.tool":
      return `tool ${id}: use it in your next message${example}`;
    case "plinth.chat-command":
      return `command /${String(told.name ?? id)}: type it in the conversation`;
    case "plinth.cli-command":
      return `shell command: plinth ${Array.isArray(told.path) ? told.path.join(" ") : id}`;
    case "plinth.model-vendor":
      // One that does not talk is used by what it has besides.
      if (typeof told.api !== "string") return undefined;
      return `model provider ${id}: ${once}name it as ${id}/auto`;
    case "plinth.model-provider":
      return `model provider ${id}: ${once}name it as ${id}/auto`;
    case "plinth.embedding":
    case "plinth.rerank":
    case "plinth.speech":
    case "plinth.transcription":
    case "plinth.image-generation":
    case "plinth.video-generation":
    case "plinth.music-generation": {
      const purpose = contract.replace("plinth.", "");
      return `${purpose}: ${once}\`plinth models try ${purpose} -m ${id}/auto …\` asks it, and \`plinth models --for ${purpose}\` lists it once it is set up`;
    }
    case "plinth.harness":
      return `harness ${id}: choose it once (grants choose)`;
    case "plinth.plugin-source":
      return `source of extensions: ${id}`;
    default:
      return `${id} (${contract})`;
  }
}
