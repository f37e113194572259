import { constants } from "node:fs";
import { lstat, open } from "node:fs/promises";
import { isAbsolute, join, normalize } from "node:path";
import { errorInfo, PlinthError } from "@plinth/sdk";
import type { Identity } from "../agents.ts";

export const IDENTITY_FILE = "IDENTITY.md";
const MOST_BYTES = 65_536;
const MOST_AVATAR_BYTES = 4 * 1024 * 1024;
const LIMITS: Record<keyof Identity, number> = { name: 80, theme: 200, emoji: 32, avatar: 65_536 };
const LABELS: Readonly<Record<string, keyof Identity>> = { name: "name", vibe: "theme", theme: "theme", emoji: "emoji", avatar: "avatar" };

/** What an IDENTITY.md says. What nobody filled in is left out; of two lines for one field the first counts. */
export function identityIn(text: string): Identity {
  const found: Identity = {};
  for (const line of text.slice(0, MOST_BYTES).split(/\r?\n/)) {
    const { field, given } = fieldIn(line) ?? {};
    if (field === undefined || given === undefined || found[field] !== undefined) continue;
    const value = bare(given);
    if (value !== "" && value.length <= LIMITS[field] && !isPlaceholder(given)) found[field] = value;
  }
  return found;
}

/** A label and what follows it: in a list or not, bold or not, with the colon within the bold or behind it. */
function fieldIn(line: string): { field: keyof Identity; given: string } | undefined {
  const text = line.trim().replace(/^[-*+][ \t]+/, "");
  const colon = text.slice(0, 24).search(/[:：]/u);
  if (colon < 0) return undefined;
  const label = text.slice(0, colon).trim();
  const name = label
    .replace(/^(\*\*|__)/, "")
    .replace(/(\*\*|__)$/, "")
    .trim()
    .toLowerCase();
  const field = Object.hasOwn(LABELS, name) ? LABELS[name] : undefined;
  const given = text.slice(colon + 1).trim();
  // Bold that began before the label ends behind the colon.
  return field === undefined ? undefined : { field, given: /^(\*\*|__)[^*_]+$/.test(label) ? given.replace(/^(\*\*|__)/, "").trim() : given };
}

const bare = (value: string): string =>
  value
    .trim()
    .replace(/^(\*\*|__|[`"'_*])(.*)\1$/u, "$2")
    .trim();

/** As templates have them: in brackets of any kind, or a word that says that it is still to be done. */
function isPlaceholder(value: string): boolean {
  if (value.length > LIMITS.theme) return false;
  const inner = value.replace(/^[_*`]+|[_*`]+$/g, "").trim();
  if (/^(\(.*\)|\[.*\]|<.*>|\{.*\})$/su.test(inner)) return true;
  return /^(todo|tbd|tba|none|n\/a|unset|\.{2,}|…|-+|_+|\?+)$/i.test(inner) || inner === "";
}

/** @param path absolute; a link is not followed, as whoever writes the workspace could name any file with one. */
export async function readIdentity(path: string): Promise<Identity> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const stat = await file.stat();
      if (!stat.isFile() || stat.size > MOST_BYTES) throw new Error(`it is no file of at most ${MOST_BYTES} bytes`);
      return identityIn(await file.readFile("utf8"));
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new PlinthError("PLINTH_IDENTITY", `${path} cannot be read: ${errorInfo(error).message}.`, {
      next: `Write an ${IDENTITY_FILE}, or give --name, --theme, --emoji and --avatar.`,
      cause: error,
    });
  }
}

/** An avatar as it may be set: an http(s) address, a picture as a data URL, or a file in the workspace that no link leads to. */
export async function checkedAvatar(avatar: string, workspace: string): Promise<string> {
  if (avatar.length > LIMITS.avatar) throw wrongAvatar("it is too long");
  if (/^https?:\/\//i.test(avatar)) {
    if (!URL.canParse(avatar) || new URL(avatar).username !== "") throw wrongAvatar("its address cannot be used");
    return avatar;
  }
  if (/^data:/i.test(avatar)) {
    if (/^data:image\/[a-z0-9.+-]+[;,]/i.test(avatar)) return avatar;
    throw wrongAvatar("its data is no picture");
  }
  if (/^[a-z][a-z0-9+.-]*:/i.test(avatar)) throw wrongAvatar("it is no http(s) address");
  const path = normalize(avatar);
  if (isAbsolute(path) || path === "." || path.split("/")[0] === ".." || avatar.includes("\0")) throw wrongAvatar("it is not inside the workspace");
  const parts = path.split("/").filter((part) => part !== "");
  for (const [at] of parts.entries()) {
    const stat = await lstat(join(workspace, ...parts.slice(0, at + 1))).catch(() => undefined);
    if (stat === undefined) throw wrongAvatar("there is no such file in the workspace");
    if (stat.isSymbolicLink()) throw wrongAvatar("a link leads to it");
    if (at === parts.length - 1 && !stat.isFile()) throw wrongAvatar("it is no file");
    if (stat.isFile() && stat.size > MOST_AVATAR_BYTES) throw wrongAvatar("its file is larger than 4 MiB");
  }
  return parts.join("/");
}

const wrongAvatar = (why: string): PlinthError =>
  new PlinthError("PLINTH_IDENTITY", `The avatar cannot be used: ${why}. Nothing was changed.`, {
    extension: "plinth.router",
    next: "Name a picture below the agent's workspace, an http(s) address or a data URL of a picture.",
  });
