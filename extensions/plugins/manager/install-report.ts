import type { Installed, InstallResult, Provided } from "./installation.ts";
import type { Job } from "./operation.ts";
import { type Block, code, type Report, safe } from "./report.ts";

type Asked = Extract<InstallResult, { status: "needs-consent" }>;

/** What an installation came to: nothing to do, a question, or something new and how to use it. */
export function installReport(result: InstallResult, { requester }: Job): Report {
  if (result.status === "unchanged") return { blocks: [{ text: `${code(result.id)} ${safe(result.version)} is installed already.` }] };
  if (result.status === "installed") return { blocks: ready(result) };
  return { ...question(result, requester.surface === "chat"), blocks: consent(result, requester.surface === "chat") };
}

function consent(result: Asked, chat: boolean): Block[] {
  const { id, version, title, replaces, source, signedBy, asks, widens } = result;
  const what = replaces === undefined ? `Install ${code(id)} ${safe(version)}` : `Change ${code(id)} from ${safe(replaces)} to ${safe(version)}`;
  const blocks: Block[] = [
    { text: `${what} (${safe(title, 80)})?` },
    {
      facts: [
        ["From", source],
        ["Signed by", signedBy ?? "nobody: unsigned, nobody vouches for these files"],
      ],
    },
  ];
  if (replaces !== undefined) blocks.push({ title: "New against the installed version" }, { items: widens.length > 0 ? widens : ["nothing"] });
  blocks.push({ title: "It may" }, { items: asks.length > 0 ? asks : ["do nothing outside itself"] });
  const how = chat ? `\`/plugins confirm ${result.code}\`` : `\`plinth plugins confirm ${result.code}\``;
  const minutes = 10;
  blocks.push({ text: `Yes: ${how}, once, within ${minutes} minutes. No: do nothing.` });
  return blocks;
}

function question({ id, version, code: word }: Asked, chat: boolean): Pick<Report, "suggest" | "confirm"> {
  if (chat) return { suggest: [{ label: `Install ${id} ${version}`, text: `/plugins confirm ${word}` }] };
  return { confirm: { question: `Install ${id} ${version} with these permissions?`, argv: ["plugins", "confirm", word] } };
}

function ready({ id, version, replaces, provides, hooks, asks, widens }: Installed): Block[] {
  const before = replaces === undefined ? "" : `, in place of ${safe(replaces)}`;
  const uses = provides.map(useOf);
  if (hooks.length > 0) uses.push(`takes part in ${hooks.join(", ")}`);
  const blocks: Block[] = [{ text: `${code(id)} ${safe(version)} is installed and ready${before}.` }];
  if (uses.length > 0) blocks.push({ items: uses });
  if (asks && asks.length > 0) blocks.push({ title: "It may" }, { items: asks });
  if (widens && widens.length > 0) blocks.push({ title: "New against the version before" }, { items: widens });
  return blocks;
}

/** How a person uses what was installed. */
function useOf({ contract, id, descriptor }: Provided): string {
  const told = (descriptor ?? {}) as { name?: unknown; path?: unknown; say?: unknown };
  const example = Array.isArray(told.say) && typeof told.say[0] === "string" ? ` (such as “${told.say[0]}”)` : "";
  switch (contract) {
    case "plinth.tool":
      return `tool ${id}: use it in your next message${example}`;
    case "plinth.chat-command":
      return `command /${String(told.name ?? id)}: type it in the conversation`;
    case "plinth.cli-command":
      return `shell command: plinth ${Array.isArray(told.path) ? told.path.join(" ") : id}`;
    case "plinth.model-provider":
      return `model provider ${id}: choose it as ${id}/auto`;
    case "plinth.plugin-source":
      return `source of extensions: ${id}`;
    default:
      return `${id} (${contract})`;
  }
}
