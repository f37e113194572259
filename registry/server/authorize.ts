import { isPlinthError } from "@plinth/manifests/wire/error.ts";
import { splitId } from "../layout.ts";
import { covers, coversAll, hasScope, holds, type Subject, within } from "./authority.ts";
import { refuse } from "./problem.ts";
import { MAX_LINEAGE, type Publisher, type Scope, type Token } from "./storage/index.ts";

/** What a request acts on, with the facts that decide. */
export type Resource =
  /** What everybody may read. */
  | { kind: "public" }
  /** The registry as a whole: its audit trail, its reports. */
  | { kind: "registry" }
  /** One package; `publisher` as far as it is registered. */
  | { kind: "package"; id: string; publisher?: Publisher | undefined }
  /** All of a publisher's packages, those to come as well. */
  | { kind: "publisher"; name: string; publisher?: Publisher | undefined }
  /** A publisher's name that is to be registered. `open`: a key alone is enough for it here. */
  | { kind: "name"; name: string; open: boolean; publisher?: Publisher | undefined }
  /** The token that is used. */
  | { kind: "session" }
  /** Any token; undefined: there is none with this id. */
  | { kind: "token"; target: Subject | undefined }
  /** A token that is to be made. */
  | { kind: "new-token"; user: string; scopes: readonly Scope[]; packages: readonly string[] };

interface Rule {
  /** `none`: no token is asked for. `any`: any that is in force. `optional`: the resource says whether it goes without. */
  token: Scope | "any" | "none" | "optional";
  on: readonly Resource["kind"][];
}

/** Everything that can be asked of the registry, and what it takes. `authorize` decides; nothing else does. */
export const RULES = {
  read: { token: "none", on: ["public"] },
  report: { token: "none", on: ["public"] },
  "publisher.register": { token: "optional", on: ["name"] },
  "package.publish": { token: "publish", on: ["package"] },
  "package.mark": { token: "yank", on: ["package"] },
  "publisher.change": { token: "owner", on: ["publisher"] },
  "session.read": { token: "any", on: ["session"] },
  "session.end": { token: "any", on: ["session"] },
  "token.list": { token: "any", on: ["session"] },
  "token.see": { token: "any", on: ["token"] },
  "token.create": { token: "owner", on: ["new-token"] },
  "token.rotate": { token: "any", on: ["token"] },
  "token.end": { token: "any", on: ["token"] },
  moderate: { token: "admin", on: ["package", "publisher"] },
  govern: { token: "admin", on: ["registry"] },
} as const satisfies Record<string, Rule>;

export type Action = keyof typeof RULES;

/**
 * Whether the subject has what the action takes whatever it acts on; asked before a request may cost something.
 *
 * @throws PLINTH_UNAUTHENTICATED, PLINTH_TOKEN_SCOPE.
 */
export function assertScope(subject: Subject | undefined, action: Action): void {
  const { token } = RULES[action] as Rule;
  if (token === "none" || token === "optional") return;
  if (subject === undefined) throw refuse.noToken();
  if (token !== "any" && !hasScope(subject.token, token)) throw refuse.scope(token);
}

/**
 * The one decision: may this subject do that to this resource? Each route passes here, with what it is about.
 *
 * @throws PLINTH_UNAUTHENTICATED, PLINTH_TOKEN_SCOPE, PLINTH_NOT_OWNER, PLINTH_PUBLISHER_UNKNOWN, PLINTH_PUBLISHER_BANNED, PLINTH_NOT_FOUND.
 */
export function authorize(subject: Subject | undefined, action: Action, resource: Resource): void {
  assertScope(subject, action);
  if (!(RULES[action] as Rule).on.includes(resource.kind)) throw new TypeError(`${action} is not done to a ${resource.kind}`);
  if (resource.kind === "public") return;
  if (resource.kind === "name") return assertMayRegister(subject, resource);
  if (subject === undefined) throw refuse.noToken();
  const { token } = subject;
  switch (resource.kind) {
    case "session":
      return;
    case "registry":
      if (!within(["*"], token.packages)) throw refuse.pattern("*");
      return;
    case "package":
      if (!covers(token.packages, resource.id)) throw refuse.pattern(resource.id);
      return action === "moderate" ? undefined : assertOwner(token, resource);
    case "publisher":
      if (!coversAll(token.packages, resource.name)) throw refuse.pattern(`${resource.name}.*`);
      return action === "moderate" ? undefined : assertOwner(token, resource);
    case "token":
      return assertReaches(subject, action, resource.target);
    case "new-token":
      return assertMayMake(subject, resource);
  }
}

/** The same, as a question. */
export function may(...asked: Parameters<typeof authorize>): boolean {
  try {
    authorize(...asked);
    return true;
  } catch (error) {
    if (isPlinthError(error)) return false;
    throw error;
  }
}

/** An administrator acts for the publishers that the token's patterns take in; a banned one's packages change for nobody. */
function assertOwner(token: Token, resource: Extract<Resource, { kind: "package" | "publisher" }>): void {
  const { publisher } = resource;
  if (publisher === undefined) throw refuse.publisherUnknown(resource.kind === "package" ? splitId(resource.id).publisher : resource.name);
  if (!hasScope(token, "admin") && !publisher.owners.includes(token.user)) throw refuse.notOwner(publisher.name);
  if (publisher.bannedFor !== undefined) throw refuse.banned(publisher.name, publisher.bannedFor);
}

/** With a token, it takes one for all that the name will hold; without one, the registry must be open to whoever has the key. */
function assertMayRegister(subject: Subject | undefined, { name, open, publisher }: Extract<Resource, { kind: "name" }>): void {
  if (subject === undefined) {
    if (!open) throw refuse.noToken();
  } else {
    if (!hasScope(subject.token, "publish")) throw refuse.scope("publish");
    if (!coversAll(subject.token.packages, name)) throw refuse.pattern(`${name}.*`);
  }
  if (publisher?.bannedFor !== undefined) throw refuse.banned(name, publisher.bannedFor);
}

/**
 * A token reaches itself and what was made from it. With the scope `owner` it also sees and ends those of the same user,
 * with `admin` those of everybody, that may do no more than itself; never one that it was made from. A new secret is given for its own line only: that of
 * another one would outlive it.
 */
function assertReaches(subject: Subject, action: Action, target: Subject | undefined): void {
  if (target === undefined) throw refuse.tokenUnknown();
  const { token, lineage } = subject;
  if (target.lineage.includes(token.id)) return;
  if (lineage.includes(target.token.id)) throw refuse.tokenUnknown();
  const sameUser = hasScope(token, "owner") && target.token.user === token.user;
  if (!(hasScope(token, "admin") || sameUser) || !holds(token, target.token)) throw refuse.tokenUnknown();
  if (action === "token.rotate") throw refuse.rotation();
}

function assertMayMake(subject: Subject, { user, scopes, packages }: Extract<Resource, { kind: "new-token" }>): void {
  const { token, lineage } = subject;
  const missing = scopes.find((scope) => !hasScope(token, scope));
  if (missing !== undefined) throw refuse.scope(missing);
  const wide = packages.find((pattern) => !within([pattern], token.packages));
  if (wide !== undefined) throw refuse.pattern(wide);
  // Whose name it bears counts in all of the registry.
  if (user !== token.user) {
    if (!hasScope(token, "admin")) throw refuse.scope("admin");
    if (!within(["*"], token.packages)) throw refuse.pattern("*");
  }
  if (lineage.length >= MAX_LINEAGE) throw refuse.lineage();
}
