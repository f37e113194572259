import { PlinthError } from "@plinth/sdk";

export interface GitSpec {
  /** What git is given: https, ssh or a folder of this machine. */
  readonly repository: string;
  /** Branch, tag or commit; HEAD without one. */
  readonly ref: string;
  /** Folder of the extension in the repository; "" = its root. */
  readonly folder: string;
}

// A first letter that is no dash: nothing of a spec may be taken for an option.
const REF = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$/;
const FOLDER = /^[A-Za-z0-9_@][A-Za-z0-9._@/-]{0,199}$/;

const PROTOCOLS = ["https://", "ssh://", "file:///"];
const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9a-f:.]+\])$/;
const USER = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;

/** `https://host/team/repo.git#v1.2.0:packages/weather`: address, then a ref and a folder, both optional. */
export function parseGitSpec(text: string): GitSpec {
  const [address = "", fragment = ""] = splitOnce(text, "#");
  const [ref = "", folder = ""] = splitOnce(fragment, ":");
  if (!isRepository(address)) throw bad(text, "its address is neither https://, ssh:// nor file://");
  if (ref !== "" && (!REF.test(ref) || ref.includes(".."))) throw bad(text, "its ref is no name of a branch, tag or commit");
  if (folder !== "" && (!FOLDER.test(folder) || folder.split("/").includes(".."))) throw bad(text, "its folder does not lie in the repository");
  return { repository: address, ref: ref || "HEAD", folder: folder.replace(/\/+$/, "") };
}

function isRepository(address: string): boolean {
  // URL parsers drop these or read them as something else; git does not.
  if (/[^\u0021-\u007e]|\\/.test(address)) return false;
  const url = URL.parse(address);
  if (url === null || !PROTOCOLS.some((one) => address.startsWith(one))) return false;
  if (url.protocol === "file:") return url.hostname === "" && url.search === "";
  // What begins with a dash would be an option of ssh, also once git has decoded it; a password would end up in the lockfile.
  return HOST.test(url.hostname) && (url.username === "" || USER.test(url.username)) && url.password === "" && !url.pathname.startsWith("/-");
}

function splitOnce(text: string, by: string): string[] {
  const at = text.indexOf(by);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

/** The one protocol that git may use for a repository: nothing leads to another one. */
export function protocolOf(repository: string): "https" | "ssh" | "file" {
  return repository.slice(0, repository.indexOf(":")) as "https" | "ssh" | "file";
}

const bad = (text: string, why: string): PlinthError =>
  new PlinthError("PLINTH_SPEC", `${JSON.stringify(`git:${text.slice(0, 200)}`)} names nothing that can be installed: ${why}.`, {
    next: "Such as git:https://example.com/acme/weather.git#v1.2.0, or with a folder: …#v1.2.0:packages/weather.",
  });
