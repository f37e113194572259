import type { Client, ContextSection } from "@plinth/sdk";
import { type FileKind, KINDS, type Turn } from "./kinds.ts";
import { type OpenFolder, openFolder } from "./open-files.ts";
import type { Seeds } from "./seeds.ts";
import { shortened, type Text, type Texts } from "./texts.ts";

export type Asked = Parameters<Client<"plinth.context">["contribute"]>[0];

export interface Limits {
  maxChars: number;
  maxTotalChars: number;
  maxUserChars: number;
}

/** Who besides the owner had a hand in which of these files, by path. */
export type HandsOf = (texts: readonly Text[]) => Promise<ReadonlyMap<string, readonly string[]>>;

interface Parts {
  limits: Limits;
  texts: Texts;
  seeds: Seeds;
  handsOf: HandsOf;
}

const ABOUT = `The owner keeps the files that follow, for you. What they ask of you the owner asks, as far as it does not go against what stands above.`;
/** Kept free for what is said of files that were cut. */
const NOTICE = 700;

/** The files of a turn's workspace that belong into the turn. */
export async function contribute(
  parts: Parts,
  { workspace, role, kind = "chat", private: alone = false, surface, maxChars }: Asked,
): Promise<ContextSection[]> {
  const folder = workspace === undefined ? undefined : await openFolder(workspace);
  if (folder === undefined) return [];
  try {
    return await sectionsOf(parts, folder, { role, kind, private: alone, surface }, maxChars);
  } finally {
    await folder.close();
  }
}

async function sectionsOf({ limits, texts, seeds, handsOf }: Parts, folder: OpenFolder, turn: Turn, maxChars: number): Promise<ContextSection[]> {
  const seed = await seeds.of(folder.real);
  const wanted = KINDS.filter(({ name, isFor }) => isFor(turn) && (name !== BOOTSTRAP || seed?.bootstrap === "made"));
  const found = await Promise.all(wanted.map(async (one) => ({ one, text: await texts.of(folder, one.name) })));
  if (seed?.bootstrap === "made" && found.every(({ one }) => one.name !== BOOTSTRAP)) await seeds.look(folder, seed);
  if (found.some(({ one, text }) => one.name === BOOTSTRAP && text === "missing")) await seeds.gone(folder.real);
  const whole = found.flatMap(({ text }) => (typeof text === "object" && text.whole > 0 ? [text] : []));
  const hands = whole.length === 0 ? NOBODY : await handsOf(whole);

  let left = Math.min(limits.maxTotalChars, maxChars) - ABOUT.length - NOTICE;
  if (left <= 0) return [];
  const cut: string[] = [];
  const sections: ContextSection[] = [];
  const add = (section: Omit<ContextSection, "stability">): void => {
    left -= section.text.length;
    sections.push({ ...section, stability: "session" });
  };
  for (const { one, text } of found) {
    const { name, drop } = one;
    if (typeof text === "string") {
      const line = lineOf(one, text, seed !== undefined);
      if (line !== undefined && line.length <= left) add({ id: name, text: line, drop });
      continue;
    }
    if (text.whole === 0) continue;
    const sent = shortened(name, text, Math.min(one.limit === "user" ? limits.maxUserChars : limits.maxChars, left));
    const isWhole = sent?.length === text.whole;
    if (!isWhole) cut.push(`${name} (${(sent?.length ?? 0).toLocaleString("en")} of ${text.whole.toLocaleString("en")})`);
    if (sent === undefined) continue;
    const from = hands.get(text.real) ?? [];
    add({ id: name, title: name, text: sent, drop, ...(isWhole ? {} : { whole: text.whole }), ...(from.length === 0 ? {} : { from: [...from] }) });
  }
  if (sections.length === 0 && cut.length === 0) return [];
  const notice = `Not all of these files fits here, in characters: ${cut.join(", ")}. Where you need the rest, read the file.`;
  return [
    { id: "about", title: "Files of your workspace", text: ABOUT, stability: "session", drop: 10 },
    ...sections,
    ...(cut.length === 0 ? [] : [{ id: "cut", text: notice, stability: "session" as const, drop: 10 }]),
  ];
}

/** What is said of a file that is not there as it should be. */
function lineOf({ name, required = false }: FileKind, is: "missing" | "refused", seeded: boolean): string | undefined {
  if (is === "refused") return `[${name} is left out: it leads out of the workspace, or is no text.]`;
  return required && seeded ? `[${name} is missing.]` : undefined;
}

const BOOTSTRAP = "BOOTSTRAP.md";
const NOBODY: ReadonlyMap<string, readonly string[]> = new Map();
