import { stat } from "node:fs/promises";
import type { RemoteRegistry } from "@plinth/registry";
import { PlinthError } from "@plinth/sdk";
import { type Author, type CommandInput, pathOf, word } from "../command.ts";
import { Tokens } from "./tokens.ts";

export type Registry = { kind: "folder"; folder: string } | { kind: "service"; url: string };

/** What a folder can be called, and a host as well. */
const HOST = /^[\w-]+(\.[\w-]+)+(:\d+)?\/?$/;

/** Named on the command line, else by PLINTH_REGISTRY, else the only one that is logged in to. */
export async function chooseRegistry(author: Author, input: CommandInput): Promise<Registry> {
  const named = word(input.options, "registry") ?? author.env.PLINTH_REGISTRY;
  if (named !== undefined && named !== "") {
    if (/^https?:/i.test(named)) return { kind: "service", url: addressOf(named) };
    if (HOST.test(named) && !(await exists(pathOf(input, named)))) throw hostOrFolder(named);
    return { kind: "folder", folder: pathOf(input, named) };
  }
  const known = await new Tokens(author.keyFolder).registries();
  if (known.length === 1) return { kind: "service", url: known[0]! };
  throw new PlinthError(
    "PLINTH_REGISTRY_UNNAMED",
    known.length === 0 ? "No registry is named." : `There are several registries: ${known.join(", ")}.`,
    {
      next: "Name one with --registry: a folder, or the http(s) URL of a registry's service.",
    },
  );
}

/** A registry's service, and the token for it: that of PLINTH_REGISTRY_TOKEN, else the one of `plinth registry login`. */
export async function serviceOf(author: Author, input: CommandInput, signal: AbortSignal): Promise<RemoteRegistry & { token: string }> {
  const registry = await chooseRegistry(author, input);
  if (registry.kind === "folder") throw folderOnly(registry.folder);
  const token = await tokenFor(author, registry.url);
  if (token !== undefined) return { url: registry.url, token, signal };
  throw new PlinthError("PLINTH_TOKEN_MISSING", `There is no token for ${registry.url}.`, {
    next: `Run \`plinth registry login ${registry.url}\`, or set PLINTH_REGISTRY_TOKEN.`,
  });
}

export async function tokenFor(author: Author, url: string): Promise<string | undefined> {
  const token = author.env.PLINTH_REGISTRY_TOKEN || (await new Tokens(author.keyFolder).get(url));
  if (token !== undefined && token !== "") assertPrivate(url);
  return token || undefined;
}

/** One spelling for each registry: what a token is kept under. */
export function addressOf(typed: string): string {
  let url: URL;
  try {
    url = new URL(typed);
  } catch {
    throw new PlinthError("PLINTH_REGISTRY_URL", `${JSON.stringify(typed.slice(0, 200))} is not a URL.`, {
      next: "Such as https://registry.example.com/.",
    });
  }
  if (!/^https?:$/.test(url.protocol) || url.username !== "" || url.password !== "") {
    throw new PlinthError("PLINTH_REGISTRY_URL", "A registry's service has an http(s) URL without a password in it.", {
      next: "Log in with `plinth registry login URL`.",
    });
  }
  url.search = url.hash = "";
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url.href;
}

/** A token in the clear on the way is everybody's. */
export function assertPrivate(url: string): void {
  const { protocol, hostname } = new URL(url);
  if (protocol === "https:" || /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname)) return;
  throw new PlinthError("PLINTH_REGISTRY_PLAIN", `${url} is not encrypted: a token sent there could be read on the way.`, {
    next: "Use its https address.",
  });
}

export async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

function hostOrFolder(named: string): PlinthError {
  return new PlinthError("PLINTH_REGISTRY_URL", `${named} is no folder that is there, and no address of a service.`, {
    next: `Write https://${named} for a service, ./${named} for a new folder.`,
  });
}

function folderOnly(folder: string): PlinthError {
  return new PlinthError("PLINTH_REGISTRY_URL", `${folder} is a folder; this needs a registry's service.`, {
    next: "Give its http(s) URL with --registry.",
  });
}
