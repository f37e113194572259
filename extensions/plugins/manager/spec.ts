import { homedir } from "node:os";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { PlinthError } from "@plinth/sdk";

/** What somebody asked to install: which source, and what to ask of it. */
export interface Spec {
  scheme: string;
  rest: string;
}

const ARCHIVE = /\.(tgz|tar\.gz|zip)$/i;
const PACKAGE = /^[a-z][a-z0-9-]*\.[a-z][a-z0-9-]*(@\S+)?$/;

/**
 * `demo.dice`, `demo.dice@^1` and `registry:…` are packages of a registry; `./folder`, `/folder`, `x.tgz`, `x.zip`, `file:…` and `link:…`
 * lie on this machine; any other `scheme:…` is for the source that provides that scheme.
 *
 * @param cwd what relative paths are relative to.
 */
export function parseSpec(text: string, cwd: string): Spec {
  const spec = text.trim();
  const [, scheme, rest] = /^([a-z][a-z0-9-]*):(.+)$/s.exec(spec) ?? [];
  if (scheme === "file") return local(fileUrl(spec) ?? (rest as string), cwd);
  if (scheme === "folder" || scheme === "archive" || scheme === "link") return { scheme, rest: absolute(rest as string, cwd) };
  if (scheme !== undefined) return { scheme, rest: rest as string };
  if (/^(\.{1,2}$|\.{0,2}\/|~\/)/.test(spec) || ARCHIVE.test(spec)) return local(spec, cwd);
  if (PACKAGE.test(spec)) return { scheme: "registry", rest: spec };
  throw new PlinthError("PLINTH_SPEC", `${JSON.stringify(spec.slice(0, 200))} names nothing that can be installed.`, {
    next: "Give a package such as demo.dice or demo.dice@^1, a folder such as ./dice, or an archive such as dice.tgz.",
  });
}

/** `id` and semver range of a registry's spec; the range is absent for the latest. */
export function parsePackage(rest: string): { id: string; range: string | undefined } {
  const at = rest.indexOf("@");
  const id = at < 0 ? rest : rest.slice(0, at);
  const range = at < 0 ? undefined : rest.slice(at + 1);
  if (PACKAGE.test(id) && range !== "") return { id, range };
  throw new PlinthError("PLINTH_SPEC", `${JSON.stringify(rest.slice(0, 200))} is not a package of a registry.`, {
    next: "Packages are publisher.name, with a version or a range if you like: demo.dice, demo.dice@1.0.0, demo.dice@^1.",
  });
}

function local(path: string, cwd: string): Spec {
  return { scheme: ARCHIVE.test(path) ? "archive" : "folder", rest: absolute(path, cwd) };
}

function absolute(path: string, cwd: string): string {
  return path.startsWith("~/") ? resolve(homedir(), path.slice(2)) : resolve(cwd, path);
}

function fileUrl(spec: string): string | undefined {
  if (!spec.startsWith("file://")) return undefined;
  try {
    return fileURLToPath(spec);
  } catch {
    return undefined;
  }
}
