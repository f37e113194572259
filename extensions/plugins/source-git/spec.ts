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
  const url = URL.parse(address);
  if (url === null || !["https:", "ssh:", "file:"].includes(url.protocol)) return false;
  // A host that begins with a dash would be an option of ssh; a password would end up in the lockfile.
  return !url.hostname.startsWith("-") && url.password === "" && (url.protocol === "file:" || url.hostname !== "");
}

function splitOnce(text: string, by: string): string[] {
  const at = text.indexOf(by);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

const bad = (text: string, why: string): PlinthError =>
  new PlinthError("PLINTH_SPEC", `${JSON.stringify(`git:${text.slice(0, 200)}`)} names nothing that can be installed: ${why}.`, {
    next: "Such as git:https://example.com/acme/weather.git#v1.2.0, or with a folder: …#v1.2.0:packages/weather.",
  });
