import { createHash } from "node:crypto";
import { realpathSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { PlinthError } from "@plinth/manifests/wire/error.ts";

/**
 * One spelling for all that lead to the same registry: letters of any case, unicode hosts and addresses of IPv6 as the URL
 * standard writes them, no dot at a host's end, no default port, no user, query or fragment, no `.`, `..`, `//` or needless
 * escapes in the path. `http` and `https` are one: somebody in the middle could choose. Folders and file: URLs are the
 * folder that they lead to.
 *
 * @throws PLINTH_REGISTRY_URL when it is no address at all.
 */
export function canonicalAddress(url: string): string {
  if (/^https?:\/\//i.test(url)) return webAddress(url);
  const folder = resolve(/^file:/i.test(url) ? fileURLToPath(url) : url);
  try {
    return realpathSync.native(folder);
  } catch {
    return folder;
  }
}

/** Short and safe in a key of a store. */
export function addressIdentity(url: string): string {
  return `address-${createHash("sha256").update(canonicalAddress(url)).digest("hex").slice(0, 32)}`;
}

/** Names and passwords in an address would be kept in the configuration, and shown. @throws PLINTH_REGISTRY_URL. */
export function assertNoUser(url: string): void {
  if (!/^https?:\/\//i.test(url)) return;
  const { username, password } = parse(url);
  if (username === "" && password === "") return;
  throw new PlinthError("PLINTH_REGISTRY_URL", "The address of a registry holds no user name or password.", {
    next: "Give the address without what stands before the @.",
  });
}

function webAddress(url: string): string {
  const parsed = parse(url);
  // What files are read relative to: what follows the last slash, as with `?x`, is no part of it.
  const base = new URL(".", parsed);
  const host = base.hostname.replace(/\.+$/, "");
  const path = base.pathname
    .replace(/%[0-9a-f]{2}/gi, (escaped) => {
      const letter = String.fromCharCode(Number.parseInt(escaped.slice(1), 16));
      return /[A-Za-z0-9._~-]/.test(letter) ? letter : escaped.toUpperCase();
    })
    .replaceAll(/\/{2,}/g, "/");
  // Escaped dots are dots by now.
  const settled = new URL(path, "http://x").pathname;
  return `//${host}${base.port === "" ? "" : `:${base.port}`}${settled}`;
}

function parse(url: string): URL {
  try {
    return new URL(url.endsWith("/") ? url : `${url}/`);
  } catch (cause) {
    throw new PlinthError("PLINTH_REGISTRY_URL", `${JSON.stringify(url.slice(0, 200))} is not an address.`, {
      next: "Give a folder, a file: URL or an http(s) URL.",
      cause,
    });
  }
}
