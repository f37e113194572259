import { configInvalid } from "./check/documents.ts";
import { PlinthError } from "./wire/error.ts";

const make =
  <A extends unknown[]>(code: string, write: (...args: A) => { message: string; next?: string; extension?: string; details?: unknown }) =>
  (...args: A): PlinthError => {
    const { message, ...options } = write(...args);
    return new PlinthError(code, message, options);
  };

/** Every error that the host raises: code, sentence, next step, in one place. */
export const errors = {
  configInvalid,
  unknownContract: make("PLINTH_CONTRACT_UNKNOWN", (extension: string, contract: string, near?: string) => ({
    message: `${extension} names the contract ${contract}, which nobody defines${near ? ` (did you mean ${near}?)` : ""}.`,
    next: "Install the extension that defines it, or correct the manifest.",
    extension,
  })),
  versionConflict: make("PLINTH_VERSION_CONFLICT", (extension: string, what: string, wanted: string, found: string) => ({
    message: `${extension} needs ${what} ${wanted}, but ${found} is here.`,
    next: `Install another version of ${extension}, or one of ${what} that fits ${wanted}.`,
    extension,
  })),
  pinned: make("PLINTH_VERSION_CONFLICT", (extension: string, wanted: string, found: string) => ({
    message: `${extension} is pinned to ${wanted}, but ${found} is installed.`,
    next: `Run \`plinth plugins install ${extension}@${wanted}\`, or change extensions["${extension}"].version in the configuration.`,
    extension,
  })),
  missing: make("PLINTH_DEPENDENCY_MISSING", (extension: string, what: string) => ({
    message: `${extension} needs ${what}, which is not installed or not usable.`,
    next: `Install ${what} first.`,
    extension,
  })),
  cycle: make("PLINTH_CYCLE", (extension: string, path: string[]) => ({
    message: `There is a cycle: ${path.join(" → ")}.`,
    next: "Remove one of these edges from a manifest.",
    extension,
  })),
  conflict: make("PLINTH_CAPABILITY_CONFLICT", (extension: string, what: string, others: string[]) => ({
    message: `${what} is provided by ${others.join(" and ")}.`,
    next: `Choose one: plinth config set 'slots["${what}"]' ${others[0] ?? "ID"}`,
    extension,
  })),
  imitates: make("PLINTH_CAPABILITY_CONFLICT", (extension: string, what: string, word: string) => ({
    message: `${what} of ${extension} would go by a name of the product: ${word}.`,
    next: "Do not install it; if it is yours, choose a first word that the product does not use.",
    extension,
  })),
  tier: make("PLINTH_TIER", (extension: string, tier: string, allowed: string[]) => ({
    message: `${extension} cannot run in the tier ${tier}; it supports ${allowed.join(", ")}.`,
    next: `Set its tier to one of these, or use another version.`,
    extension,
  })),
  /** Its manifest does not say so: nobody but its author can change that. `place`: where the manifest would. */
  undeclared: make("PLINTH_UNDECLARED", (extension: string, what: string, place?: string) => ({
    message: `${extension} did not declare ${what} in its manifest.`,
    next: `Its author declares it in plinth.json${place === undefined ? "" : `, under ${place}`}; an owner then consents to it.`,
    extension,
  })),
  notChosen: make("PLINTH_NOT_CHOSEN", (extension: string, contract: string) => ({
    message: `${extension} is a third party's and was not chosen as ${contract}.`,
    next: `See what it may then, and choose it: plinth grants choose ${extension}`,
    extension,
  })),
  notProvided: make("PLINTH_NOT_PROVIDED", (extension: string, what: string) => ({
    message: `${extension} declares ${what} but did not provide it when it was activated.`,
    next: "Report it to the author of the extension.",
    extension,
  })),
  capabilityMissing: make("PLINTH_CAPABILITY_MISSING", (contract: string, id: string | null, known: string[]) => ({
    message: id === null ? `Nothing provides ${contract}.` : `There is no ${contract} named ${id}.`,
    next: known.length > 0 ? `There is: ${known.slice(0, 12).join(", ")}.` : "Install or enable an extension that provides it.",
  })),
  unsupported: make("PLINTH_UNSUPPORTED", (extension: string, method: string) => ({
    message: `${extension} does not support ${method}.`,
    extension,
  })),
  deadline: make("PLINTH_DEADLINE", (extension: string, what: string, ms: number) => ({
    message: `${extension} did not finish ${what} within ${ms} ms.`,
    next: "Try again; if it stays slow, look at `plinth status`.",
    extension,
  })),
  aborted: make("PLINTH_ABORTED", (what: string) => ({ message: `${what} was cancelled.` })),
  exited: make("PLINTH_EXTENSION_EXITED", (extension: string, how: string) => ({
    message: `The process of ${extension} ended (${how}).`,
    next: "It is started again at its next use; `plinth status` says why it ended.",
    extension,
    details: { retryable: true },
  })),
  quarantined: make("PLINTH_QUARANTINED", (extension: string, code: string, why: string, retryAt?: number) => ({
    message: `${extension} is in quarantine: ${code}: ${why}`,
    next: retryAt
      ? `It is tried again after ${new Date(retryAt).toISOString()}; \`plinth plugins enable ${extension}\` tries now.`
      : `Run \`plinth plugins enable ${extension}\` to try again, or uninstall it.`,
    extension,
  })),
  breakerOpen: make("PLINTH_BREAKER_OPEN", (extension: string) => ({
    message: `${extension} failed several times in a row and is left alone for a short time.`,
    next: "It is tried again by itself; `plinth status` shows its last error.",
    extension,
    details: { retryable: true },
  })),
  digest: make("PLINTH_DIGEST", (extension: string, what: string) => ({
    message: `The files of ${extension} are not what was installed (${what}); its code was not run.`,
    next: `Reinstall it: plinth plugins uninstall ${extension} --keep-data, then install it again.`,
    extension,
  })),
  consent: make("PLINTH_CONSENT_NEEDED", (extension: string, why: string) => ({
    message: `${extension} waits for an owner's consent: ${why}.`,
    next: `Run \`plinth plugins install ${extension}\` and confirm what it may do.`,
    extension,
  })),
  grantExpired: make("PLINTH_GRANT_EXPIRED", (extension: string, at: number) => ({
    message: `The grant of ${extension} ended at ${new Date(at).toISOString()}.`,
    next: `An owner can renew it: plinth grants limit ${extension} --expires 7d`,
    extension,
  })),
  outOfScope: make("PLINTH_GRANT_SCOPE", (extension: string, scope: string) => ({
    message: `${extension} was granted for ${scope} only.`,
    next: `An owner can change that: plinth grants limit ${extension} --everywhere`,
    extension,
  })),
  revoked: make("PLINTH_GRANT_REVOKED", (extension: string) => ({
    message: `An owner revoked the grant of ${extension} while this ran.`,
    next: `Install it again to consent again: plinth plugins install ${extension}`,
    extension,
  })),
  /** It was not allowed. `asked`: whether its manifest asks for something of the kind, where the host knows that. */
  permission: make("PLINTH_PERMISSION", (extension: string, what: string, asked?: boolean) => ({
    message: `${extension} may not ${what}${asked === undefined ? "" : asked ? ": an owner did not allow it" : ": its manifest does not ask for it"}.`,
    next: asked
      ? `plinth plugins inspect ${extension} shows what was allowed; to allow what it asks for: plinth plugins install ${extension}`
      : "Its author asks for it under permissions in plinth.json; an owner then consents to it.",
    extension,
  })),
  secretMissing: make("PLINTH_SECRET_MISSING", (extension: string, name: string) => ({
    message: `The secret ${name} is not set.`,
    next: `Set the environment variable ${name}, or add it to secrets.json in the home folder.`,
    extension,
  })),
  /** @param asked `KEY` in a variable of that name, or `KEY=VARIABLE`. */
  notPinned: make("PLINTH_PERMISSION", (extension: string, program: string, asked: readonly string[]) => ({
    message: `${extension} may not give ${program.slice(0, 200)} the secret ${asked.map((one) => one.replace("=", " in the variable ")).join(", ")}: an owner pinned no such program for it.`,
    next: `If it may have it there: plinth grants pin ${extension} PROGRAM --secret ${asked.join(",")}`,
    extension,
  })),
  secretInText: make("PLINTH_PERMISSION", (extension: string, variable: string, name: string) => ({
    message: `${extension} may not put the secret ${name} into other text, in the variable ${variable}.`,
    next: `Give a variable the handle alone: ctx.secrets.handle(${JSON.stringify(name)}).`,
    extension,
  })),
  quota: make("PLINTH_QUOTA", (extension: string, what: string) => ({
    message: `${extension} used up its budget: ${what}.`,
    next: "It is limited by its manifest's `budgets`.",
    extension,
  })),
  payload: make("PLINTH_PAYLOAD", (extension: string, what: string, why: string) => ({
    message: `${extension} sent something that does not fit ${what}: ${why}.`,
    next: "Report it to the author of the extension.",
    extension,
  })),
  notInstalled: make("PLINTH_NOT_INSTALLED", (id: string, known: string[]) => ({
    message: `${id} is not installed.`,
    next: known.length > 0 ? `Did you mean ${known.join(", ")}?` : "`plinth plugins list` shows what is.",
    extension: id,
  })),
  reserved: make("PLINTH_RESERVED", (id: string) => ({
    message: `${id} claims to be of the product: packages from outside have another publisher than plinth.`,
    next: "Do not install it; if it is yours, give it your own publisher's name.",
    extension: id,
  })),
  notOurs: make("PLINTH_PRODUCT_DIFFERS", (id: string) => ({
    message: `${id} is a package of the product, and these files are not the ones that came with it.`,
    next: "Do not install it. Where the product's own files were changed, build or install the product anew.",
    extension: id,
  })),
  otherProduct: make("PLINTH_PRODUCT_DIFFERS", (id: string, version: string) => ({
    message: `${id} ${version} is no package of this product: it came with another version or build.`,
    next: `plinth plugins update ${id} takes the product's own, as a gateway does when it starts. Where there is none, uninstall it.`,
    extension: id,
  })),
  reservedTool: make("PLINTH_RESERVED", (id: string, what: string) => ({
    message: `${what} of ${id} would read as another's tool.`,
    next: "Do not install it; if it is yours, choose a name without __ that no tool of the product has.",
    extension: id,
  })),
  needed: make("PLINTH_NEEDED", (id: string, by: string) => ({ message: `${by} needs ${id}.`, next: `Uninstall ${by} first.`, extension: id })),
  bundled: make("PLINTH_BUNDLED", (id: string) => ({
    message: `${id} is part of the product and cannot be uninstalled.`,
    next: `Disable it: plinth plugins disable ${id}`,
    extension: id,
  })),
  gate: make("PLINTH_GATE_DENIED", (by: string, reason: string) => ({ message: `${by} denied it: ${reason}`, extension: by })),
  stopping: make("PLINTH_STOPPING", () => ({ message: "The host is stopping.", next: "Try again when it runs." })),
  noEarlierConfig: make("PLINTH_CONFIG_VERSION", (kept: number[]) => ({
    message: "There is no such earlier configuration to go back to.",
    next: kept.length > 0 ? `Kept are ${kept.join(", ")}: plinth config undo --list` : "One is kept from the next change on.",
  })),
  corrupt: make("PLINTH_STATE_CORRUPT", (file: string, why: string) => ({
    message: `${file} cannot be read: ${why}.`,
    next: `It was set aside with the ending .bad; restore it or let the host make a new one.`,
  })),
} as const;
