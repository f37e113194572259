import { existsSync } from "node:fs";
import { open, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Context, PlinthError } from "@plinth/sdk";
import type { Marketplace } from "./settings.ts";

/** One plugin of a marketplace.json, with what it is installed from here. */
export interface Offer {
  name: string;
  description: string;
  version?: string;
  /** Spec for `install`; undefined: it cannot be installed here, and `why` says why not. */
  spec?: string;
  why?: string;
}

const FILES = [".claude-plugin/marketplace.json", "marketplace.json"];
const MAX_BYTES = 1_048_576;
const MOST = 2_000;
const WHOLE_MS = 60_000;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** The plugins that a marketplace.json lists. Its sources are mapped to ours; what is no Plinth package is listed with why not. */
export async function readOffers(ctx: Context, place: Marketplace, signal?: AbortSignal): Promise<Offer[]> {
  const { text, base } = await readMarketplace(ctx, place, signal);
  const { isNearby } = await import("@plinth/registry");
  const isHere = base !== undefined || isNearby(new URL(place.url).hostname);
  let value: { plugins?: unknown; metadata?: { pluginRoot?: unknown } };
  try {
    value = JSON.parse(text);
  } catch {
    throw unreadable(place, "it is not JSON");
  }
  if (!Array.isArray(value?.plugins)) throw unreadable(place, "it lists no plugins");
  const root = typeof value.metadata?.pluginRoot === "string" ? value.metadata.pluginRoot : ".";
  return value.plugins.slice(0, MOST).flatMap((entry: unknown) => {
    const { name, description, version, source } = (entry ?? {}) as Record<string, unknown>;
    if (typeof name !== "string" || !NAME.test(name)) return [];
    const told = { name, description: typeof description === "string" ? description : "" };
    return [
      { ...told, ...(typeof version === "string" ? { version } : {}), ...mapped(source, base, root, (url) => isHere || !isNearby(url.hostname)) },
    ];
  });
}

/** A source of a marketplace.json as a spec of ours. */
function mapped(source: unknown, base: string | undefined, root: string, mayReach: (url: URL) => boolean): Pick<Offer, "spec" | "why"> {
  if (typeof source === "string") return folderOf(source, base, root);
  const { source: kind, repo, url, ref, sha, path, package: name, version } = (source ?? {}) as Record<string, unknown>;
  const at = [sha, ref].find((one) => typeof one === "string");
  const fragment = at === undefined && path === undefined ? "" : `#${at ?? "HEAD"}${typeof path === "string" ? `:${path}` : ""}`;
  if (kind === "github" && typeof repo === "string" && /^[\w.-]+\/[\w.-]+$/.test(repo))
    return { spec: `git:https://github.com/${repo}.git${fragment}` };
  if ((kind === "url" || kind === "git" || kind === "git-subdir") && typeof url === "string") {
    // A list of others names no folder, no ssh key's use and no machine in here.
    const target = url.startsWith("https://") ? URL.parse(url) : null;
    if (target === null || !mayReach(target)) return { why: "its source is no public https address" };
    return { spec: `git:${url}${fragment}` };
  }
  if (kind === "npm" && typeof name === "string") return { spec: `npm:${name}${typeof version === "string" ? `@${version}` : ""}` };
  return { why: `its source ${JSON.stringify(kind ?? source)?.slice(0, 60)} is of a kind that nothing here installs from` };
}

function folderOf(source: string, base: string | undefined, root: string): Pick<Offer, "spec" | "why"> {
  if (base === undefined)
    return { why: "its source is a folder beside the marketplace, and the marketplace is not on this machine: add its repository's folder" };
  const dir = resolve(base, root, source);
  if (dir !== base && !dir.startsWith(`${base}/`)) return { why: "its source lies outside the marketplace" };
  if (!existsSync(join(dir, "plinth.json"))) return { why: "it is a plugin of another kind: there is no plinth.json in it" };
  return { spec: `folder:${dir}` };
}

/** `base`: the folder that relative sources are relative to, where it is on this machine. */
async function readMarketplace(ctx: Context, place: Marketplace, signal?: AbortSignal): Promise<{ text: string; base: string | undefined }> {
  const { url } = place;
  if (/^https?:\/\//i.test(url)) {
    const address = url.endsWith(".json") ? url : `${url.replace(/\/*$/, "/")}${FILES[0]}`;
    const { readFrom } = await import("@plinth/registry");
    const from = { who: `The marketplace ${place.name}`, url, also: place.downloads, fetch: (to: string, options: object) => ctx.fetch(to, options) };
    const within = AbortSignal.any([AbortSignal.timeout(WHOLE_MS), ...(signal === undefined ? [] : [signal])]);
    const tooLarge = (): PlinthError => unreadable(place, `${address} is larger than ${MAX_BYTES / 1_048_576} MiB`);
    const { answer, bytes } = await readFrom(from, address, { maxBytes: MAX_BYTES, signal: within }, tooLarge);
    if (answer.status !== 200) throw unreadable(place, `${address} answers ${answer.status}`);
    return { text: bytes.toString("utf8"), base: undefined };
  }
  const path = /^file:/i.test(url) ? fileURLToPath(url) : resolve(url);
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() === true;
  const file = isFolder ? FILES.map((name) => join(path, name)).find((one) => existsSync(one)) : path;
  if (file === undefined) throw unreadable(place, `there is no ${FILES[0]} in ${path}`);
  const inFolder = dirname(file).endsWith(".claude-plugin") ? dirname(dirname(file)) : dirname(file);
  return { text: await readBounded(place, file), base: inFolder };
}

async function readBounded(place: Marketplace, file: string): Promise<string> {
  const handle = await open(file, "r").catch((thrown: NodeJS.ErrnoException) => {
    throw unreadable(place, `${file}: ${thrown.code}`);
  });
  try {
    const found = await handle.stat();
    if (!found.isFile() || found.size > MAX_BYTES) throw unreadable(place, `${file} is no file of bearable size`);
    return await handle.readFile("utf8");
  } finally {
    await handle.close();
  }
}

function unreadable({ name }: Marketplace, why: string): PlinthError {
  return new PlinthError("PLINTH_MARKETPLACE", `The marketplace ${name} cannot be read: ${why}.`, {
    next: "Check its address: plinth marketplace list",
  });
}
