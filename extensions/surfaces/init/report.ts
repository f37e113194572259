import { visible } from "@plinth/sdk";
import type { House, Provider } from "./house.ts";
import type { Setting } from "./settings.ts";

type Terminal = { columns: number };

/** Providers with whether each is ready and what it needs; numbered where one is to be chosen. */
export function providersText({ providers, unchosen }: House, terminal: Terminal, numbered = false): string {
  const wide = Math.max(...providers.map(({ id }) => id.length), 0);
  const titled = Math.max(...providers.map(({ title }) => title.length), 0);
  const rows = providers.map((one, at) => {
    const number = numbered ? `${String(at + 1).padStart(3)}  ` : "  ";
    return cut(`${number}${plain(one.id).padEnd(wide)}  ${plain(one.title).padEnd(titled)}  ${plain(stateOf(one))}`, terminal);
  });
  const hint = unchosen.map((id) => `  ${plain(id)} brings models, too, once you choose it: plinth grants choose ${plain(id)}\n`).join("");
  return `${rows.join("\n")}\n${hint}`;
}

function stateOf({ ready, standIn, reason, needs, defaultModel }: Provider): string {
  if (standIn) return "answers where no other can";
  if (ready) return `ready${defaultModel === undefined ? "" : `: ${defaultModel}`}`;
  const wanted = [...(needs.config ?? []), ...(needs.secrets ?? [])];
  return wanted.length > 0 ? `needs ${wanted.join(", ")}` : (reason ?? "not ready");
}

export function missingText(missing: readonly { setting: Setting; how: string }[]): string {
  return missing
    .map(({ setting: { name, about }, how }) => `  - ${plain(name)}${about === undefined ? "" : ` (${plain(about)})`}\n    ${plain(how)}\n`)
    .join("");
}

/** One line that fits. */
export function cut(text: string, { columns }: Terminal): string {
  const chars = Array.from(text);
  const most = Math.max(40, columns || 80);
  return chars.length > most ? `${chars.slice(0, most - 1).join("")}…` : text;
}

export const plain = (text: string): string => visible(text, { max: 2_000 });
