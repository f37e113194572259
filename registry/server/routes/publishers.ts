import { KeyLink } from "@plinth/manifests/schema/registry-trust.ts";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import Type from "typebox";
import { verifyRegistration } from "../../registration.ts";
import { type Api, assertMay, audited, publisherOf } from "../api.ts";
import { assertDomainNamesKey, DOMAIN, publisherOfDomain } from "../dns-proof.ts";
import { assertPublisherName, skeletonOf } from "../look-alike.ts";
import { refuse } from "../problem.ts";
import { type Call, type Route, route } from "../route.ts";
import type { Token } from "../storage/index.ts";
import { closed, Done, done, keyId, PublisherParams, publisher, ReasonBody, signature, time, user } from "./shapes.ts";
import { NewToken } from "./tokens.ts";

const CLOCK_MS = 15 * 60_000;
const FIRST_TOKEN_DAYS = 90;

const Publisher = Type.Object(
  {
    name: publisher,
    owners: Type.Array(Type.String()),
    domain: Type.Optional(Type.String()),
    bannedFor: Type.Optional(Type.String()),
    createdAt: time,
    keys: Type.Array(Type.Object({ keyId: Type.String(), publicKey: Type.String() }, closed)),
  },
  closed,
);
const Registration = Type.Object(
  {
    publisher,
    keyId,
    publicKey: Type.String({ maxLength: 128, pattern: "^[A-Za-z0-9+/]+={0,2}$", description: "SPKI, DER, base64." }),
    signedAt: time,
    signature: Type.String({ ...signature, description: "Of the registration, made with the key; see docs/registry.md." }),
    user: Type.Optional(user),
    domain: Type.Optional(Type.String({ pattern: DOMAIN.source, description: "A domain whose TXT record at _plinth names the key." })),
  },
  closed,
);
type Registration = Type.Static<typeof Registration>;

/** Publishers' names: who has them, and who may act for them. */
export function publisherRoutes(api: Api): Route[] {
  const tag = "publishers";
  const { catalogue, storage } = api;
  const OwnerParams = Type.Object({ publisher, user }, closed);
  return [
    route({
      method: "GET",
      path: "/api/v1/publishers/{publisher}",
      name: "getPublisher",
      tag,
      summary: "A publisher with its owners and keys.",
      policy: "read",
      params: PublisherParams,
      answer: Publisher,
      problems: ["PLINTH_PUBLISHER_UNKNOWN"],
      async handle({ params }) {
        return { ...(await publisherOf(api, params.publisher)), keys: await catalogue.keys(params.publisher) };
      },
    }),
    route({
      method: "POST",
      path: "/api/v1/publishers",
      name: "registerPublisher",
      tag,
      summary: "Register a publisher's name with the key that will sign its packages.",
      token: "optional",
      policy: "write",
      body: Registration,
      status: 201,
      answer: Type.Object({ publisher, owner: user, domain: Type.Optional(Type.String()), issued: Type.Optional(NewToken) }, closed),
      problems: ["PLINTH_PUBLISHER_TAKEN", "PLINTH_NAME_LOOKALIKE", "PLINTH_KEY_PROOF", "PLINTH_DNS_PROOF"],
      handle: (call) => audited(api, call, "publisher.register", call.body.publisher, () => register(api, call)),
    }),
    route({
      method: "POST",
      path: "/api/v1/publishers/{publisher}/keys",
      name: "changeKey",
      tag,
      summary: "A new key for a publisher, vouched for by the old one or by the registry's recovery role.",
      token: "owner",
      policy: "write",
      params: PublisherParams,
      body: KeyLink,
      status: 201,
      answer: Done,
      handle: (call) =>
        audited(api, call, "key.change", call.params.publisher, async () => {
          await assertMayAll(api, call, call.params.publisher);
          await catalogue.record({ type: "key", publisher: call.params.publisher, link: call.body as KeyLink });
          return done;
        }),
    }),
    route({
      method: "PUT",
      path: "/api/v1/publishers/{publisher}/keys/{keyId}/revocation",
      name: "revokeKey",
      tag,
      summary: "End a key: what it signs from now on counts no more.",
      token: "owner",
      policy: "write",
      params: Type.Object({ publisher, keyId }, closed),
      body: ReasonBody,
      answer: Done,
      handle: (call) =>
        audited(
          api,
          call,
          "key.revoke",
          call.params.publisher,
          async () => {
            await assertMayAll(api, call, call.params.publisher);
            await catalogue.record({ type: "revoke", ...call.params, reason: call.body.reason });
            return done;
          },
          call.params.keyId,
        ),
    }),
    route({
      method: "GET",
      path: "/api/v1/publishers/{publisher}/owners",
      name: "listOwners",
      tag,
      summary: "Who may act for a publisher.",
      policy: "read",
      params: PublisherParams,
      answer: Type.Object({ owners: Type.Array(Type.String()) }, closed),
      handle: async ({ params }) => ({ owners: (await publisherOf(api, params.publisher)).owners }),
    }),
    route({
      method: "PUT",
      path: "/api/v1/publishers/{publisher}/owners/{user}",
      name: "addOwner",
      tag,
      summary: "Let a further user act for the publisher.",
      token: "owner",
      policy: "write",
      params: OwnerParams,
      answer: Done,
      handle: (call) =>
        audited(
          api,
          call,
          "owner.add",
          call.params.publisher,
          async () => {
            await assertMayAll(api, call, call.params.publisher);
            await storage.publishers.addOwner(call.params.publisher, call.params.user);
            return done;
          },
          call.params.user,
        ),
    }),
    route({
      method: "DELETE",
      path: "/api/v1/publishers/{publisher}/owners/{user}",
      name: "removeOwner",
      tag,
      summary: "Take the right to act for the publisher from a user. The last owner stays.",
      token: "owner",
      policy: "write",
      params: OwnerParams,
      answer: Done,
      problems: ["PLINTH_LAST_OWNER"],
      handle: (call) =>
        audited(
          api,
          call,
          "owner.remove",
          call.params.publisher,
          async () => {
            await assertMayAll(api, call, call.params.publisher);
            const { owners } = await publisherOf(api, call.params.publisher);
            if (owners.length === 1 && owners[0] === call.params.user) {
              throw new PlinthError("PLINTH_LAST_OWNER", `${call.params.user} is the last owner of ${call.params.publisher}.`, {
                next: "Add another owner first.",
              });
            }
            await storage.publishers.removeOwner(call.params.publisher, call.params.user);
            return done;
          },
          call.params.user,
        ),
    }),
  ];
}

/** A right over all of a publisher's packages: a token for one of them does not reach so far. */
async function assertMayAll(api: Api, call: Pick<Call, "token">, name: string): Promise<Token> {
  const token = await assertMay(api, call, "owner", `${name}.x`);
  if (token.packages.some((pattern) => pattern === "*" || pattern === `${name}.*`)) return token;
  throw refuse.scope("owner");
}

async function register(api: Api, call: Pick<Call<unknown, unknown, unknown, Registration>, "token" | "body">): Promise<object> {
  const { catalogue, storage } = api;
  const { publisher: name, keyId: id, publicKey, domain } = call.body;
  const key = { keyId: id, publicKey };
  await assertOwnsKey(api, call.body);
  if (domain !== undefined) await assertDomainNamesKey(domain, id, api.resolveTxt);
  const owner = await ownerOf(api, call);
  const known = await storage.publishers.find(name);
  if (known !== undefined && known.owners.length > 0) throw taken(name);
  if (known === undefined) await assertPublisherName(name, storage);
  await catalogue.addKey(name, key, domain === undefined ? undefined : `dns:${domain}`).catch((error: { code?: string }) => {
    throw error.code === "PLINTH_PUBLISHER_KEY" ? taken(name) : error;
  });
  if (known !== undefined) {
    // It came by folder, or a registration died halfway: who has its key is its first owner.
    await storage.publishers.addOwner(name, owner);
    if (domain !== undefined) await storage.publishers.setDomain(name, domain);
  } else {
    const publisher = { name, owners: [owner], createdAt: new Date(api.now()).toISOString(), ...(domain === undefined ? {} : { domain }) };
    // Two at once: the database lets one of them in.
    await storage.publishers.add(publisher, skeletonOf(name)).catch(() => {
      throw taken(name);
    });
  }
  const issued =
    call.token !== undefined
      ? undefined
      : await api.tokens.create({
          user: owner,
          label: "first token",
          scopes: ["publish", "yank", "owner"],
          packages: [`${name}.*`],
          days: FIRST_TOKEN_DAYS,
        });
  return { publisher: name, owner, ...(domain === undefined ? {} : { domain }), ...(issued === undefined ? {} : { issued }) };
}

async function assertOwnsKey(api: Api, body: Registration): Promise<void> {
  const { publisher: name, keyId: id, publicKey, signedAt, signature: signed } = body;
  const recent = Math.abs(Date.parse(signedAt) - api.now()) <= CLOCK_MS;
  const registry = await api.catalogue.name();
  if (recent && verifyRegistration({ registry, publisher: name, keyId: id, signedAt }, signed, { keyId: id, publicKey })) return;
  throw new PlinthError("PLINTH_KEY_PROOF", `The request to register ${name} is not signed by the key that it names, or not just now.`, {
    next: "Sign it with the publisher's private key, and check this machine's clock.",
  });
}

/** The user that the name will belong to. @throws when the registry does not let just anybody register. */
async function ownerOf(api: Api, { token, body }: Pick<Call<unknown, unknown, unknown, Registration>, "token" | "body">): Promise<string> {
  if (token !== undefined) {
    if (!token.scopes.some((scope) => scope === "publish" || scope === "owner" || scope === "admin")) throw refuse.scope("publish");
    return token.user;
  }
  const byDomain = body.domain !== undefined && body.publisher === publisherOfDomain(body.domain);
  if (api.registration === "token" || (api.registration === "domain" && !byDomain)) throw refuse.noToken();
  const owner = body.user ?? body.publisher;
  if ((await api.storage.tokens.list(owner)).length === 0) return owner;
  throw new PlinthError("PLINTH_PUBLISHER_TAKEN", `There is a user named ${owner} already.`, {
    next: "Send that user's token, or choose another user name.",
  });
}

function taken(name: string): PlinthError {
  return new PlinthError("PLINTH_PUBLISHER_TAKEN", `The publisher's name ${name} is taken.`, {
    next: "Choose another name, or ask its owner to add you.",
  });
}
