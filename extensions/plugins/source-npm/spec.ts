import { PlinthError } from "@plinth/sdk";
import semver from "semver";

export interface NpmSpec {
  /** With its scope, where it has one. */
  readonly name: string;
  /** A tag or a semver range. */
  readonly wanted: string;
}

const NAME = /^(?:@[a-z0-9~][a-z0-9._~-]*\/)?[a-z0-9~][a-z0-9._~-]*$/i;
const MAX_NAME = 214;
const RANGE = /^[0-9A-Za-z.^~<>=|*+ -]{1,128}$/;
const TAG = /^[a-z][a-z0-9]*(?:[._-][a-z0-9]+)*$/i;
const MAX_TAG = 64;

/**
 * A name, then a version, a range or a tag: that is all. npm's other specs (folders, files, addresses, repositories,
 * aliases, however nested or spelled) have no letter in common with it that could make them one.
 */
export function parseNpmSpec(text: string): NpmSpec {
  const at = text.indexOf("@", 1);
  const name = at < 0 ? text : text.slice(0, at);
  const wanted = at < 0 ? "latest" : text.slice(at + 1);
  if (!NAME.test(name) || name.length > MAX_NAME) throw bad(text);
  const isTag = TAG.test(wanted) && wanted.length <= MAX_TAG;
  if (!isTag && !(RANGE.test(wanted) && wanted.trim() === wanted && wanted !== "" && semver.validRange(wanted) !== null)) throw bad(text);
  return { name, wanted };
}

const bad = (spec: string): PlinthError =>
  new PlinthError("PLINTH_SPEC", `${JSON.stringify(spec.slice(0, 200))} is not a package of an npm registry.`, {
    next: "Such as npm:plinth-weather, npm:@acme/weather@1.2.0 or npm:@acme/weather@^1.",
  });
