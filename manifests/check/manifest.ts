import * as compiled from "../generated/manifest.js";
import { hides, hidesWithin } from "../plain-text.ts";
import type { Manifest, Provide } from "../schema/extension.ts";
import { PlinthError } from "../wire/error.ts";
import { explain, type Validator } from "./explain.ts";

const MAX_BYTES = 512 * 1024;

/** Parse and check a manifest; `origin` names it in errors until its id is known. */
export function parseManifest(text: string, origin: string): Manifest {
  if (text.length > MAX_BYTES) throw manifestInvalid(origin, "", `it is larger than ${MAX_BYTES / 1024} KiB`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    throw manifestInvalid(origin, "", `it is not JSON (${(thrown as Error).message})`);
  }
  const validate = compiled.manifest as unknown as Validator;
  if (!validate(value)) {
    const id = (value as { id?: unknown } | null)?.id;
    const { path, message } = explain(validate.errors ?? [], value);
    throw manifestInvalid(typeof id === "string" ? id.slice(0, 128) : origin, path, message);
  }
  const manifest = value as Manifest;
  checkText(manifest);
  for (const provide of manifest.provides ?? []) checkDescriptor(manifest.id, provide);
  if (manifest.entry === undefined && (manifest.hooks?.length ?? 0) > 0) {
    throw manifestInvalid(manifest.id, "/hooks", "an extension without an entry cannot subscribe to hooks");
  }
  for (const contract of manifest.defines ?? []) {
    if (!contract.id.startsWith(`${manifest.id}.`) && contract.id !== manifest.id) {
      throw manifestInvalid(manifest.id, "/defines", `the contract ${contract.id} must start with ${manifest.id}.`);
    }
    const foreign = Object.keys(contract.hooks ?? {}).find((hook) => !hook.startsWith(`${manifest.id}.`));
    if (foreign !== undefined) throw manifestInvalid(manifest.id, "/defines", `the hook ${foreign} must start with ${manifest.id}.`);
  }
  const majors = (manifest.defines ?? []).map((one) => `${one.id} ${Number.parseInt(one.version, 10)}`);
  const twice = majors.find((one, at) => majors.indexOf(one) !== at);
  if (twice !== undefined) throw manifestInvalid(manifest.id, "/defines", `the major ${twice} is defined twice`);
  const seen = new Set<string>();
  for (const { contract, id } of manifest.provides ?? []) {
    if (seen.has(`${contract}/${id}`)) throw manifestInvalid(manifest.id, "/provides", `${contract}/${id} is provided twice`);
    seen.add(`${contract}/${id}`);
  }
  const hooks = (manifest.hooks ?? []).map((hook) => hook.on);
  if (new Set(hooks).size < hooks.length) throw manifestInvalid(manifest.id, "/hooks", "a hook is listed twice");
  return manifest;
}

/** Consent, listings and help show these: nothing in them may steer a terminal, turn the direction of writing or be unseen. */
function checkText({ id, title, description, license = "", provides = [], defines = [], config }: Manifest): void {
  for (const [at, text] of Object.entries({ title, description, license })) if (hides(text)) throw manifestInvalid(id, `/${at}`, UNSEEN);
  for (const one of provides) if (hidesWithin(one.descriptor)) throw manifestInvalid(id, `/provides/${one.contract}/${one.id}/descriptor`, UNSEEN);
  for (const one of defines) if (hidesWithin(one)) throw manifestInvalid(id, `/defines/${one.id}`, UNSEEN);
  if (hidesWithin(config)) throw manifestInvalid(id, "/config", UNSEEN);
}

const UNSEEN = "it has control characters, or ones that cannot be seen or turn the direction of writing";

function checkDescriptor(owner: string, provide: Provide): void {
  const older = `${provide.contract}@${Number.parseInt(provide.version, 10)}`;
  const key = Object.hasOwn(compiled.descriptors, older) ? older : provide.contract;
  const validate = (compiled.descriptors as unknown as Record<string, Validator | undefined>)[key];
  if (!Object.hasOwn(compiled.descriptors, key) || validate === undefined || validate(provide.descriptor)) return;
  const { path, message } = explain(validate.errors ?? [], provide.descriptor);
  throw manifestInvalid(owner, `/provides/${provide.contract}/${provide.id}/descriptor${path}`, message);
}

export const manifestInvalid = (extension: string, where: string, why: string): PlinthError =>
  new PlinthError("PLINTH_MANIFEST_INVALID", `The manifest of ${extension} is not valid at ${where || "/"}: ${why}.`, {
    extension,
    next: "Correct plinth.json; the manifest reference lists every field.",
  });
