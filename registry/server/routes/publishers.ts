import { KeyLink } from "@plinth/manifests/schema/registry-trust.ts";
import Type from "typebox";
import { type Api, publisherOf, resources } from "../api.ts";
import { DOMAIN } from "../dns-proof.ts";
import { refuse } from "../problem.ts";
import { registerPublisher } from "../register-publisher.ts";
import { type Route, route } from "../route.ts";
import { closed, Done, done, keyId, PublisherParams, publisher, ReasonBody, signature, time, user } from "./shapes.ts";
import { NewToken } from "./tokens.ts";

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
    domain: Type.Optional(Type.String({ pattern: DOMAIN.source, description: "A domain whose TXT record at _plinth names the key." })),
  },
  closed,
);

const OwnerParams = Type.Object({ publisher, user }, closed);

/** Publishers' names: who has them, and who may act for them. */
export function publisherRoutes(api: Api): Route[] {
  const tag = "publishers";
  const { catalogue } = api;
  const reads = { tag, action: "read", resource: resources.open, policy: "read", params: PublisherParams } as const;
  return [
    route({
      ...reads,
      method: "GET",
      path: "/api/v1/publishers/{publisher}",
      name: "getPublisher",
      summary: "A publisher with its owners and keys.",
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
      summary:
        "Register a publisher's name with the key that will sign its packages. Without a token, the name becomes a user's too, whose first token is the answer.",
      action: "publisher.register",
      resource: ({ body }) => resources.name(api, body.publisher, body.domain),
      audit: { as: "publisher.register", subject: ({ body }) => body.publisher },
      policy: "write",
      body: Registration,
      status: 201,
      answer: Type.Object({ publisher, owner: user, domain: Type.Optional(Type.String()), issued: Type.Optional(NewToken) }, closed),
      problems: ["PLINTH_PUBLISHER_TAKEN", "PLINTH_NAME_LOOKALIKE", "PLINTH_KEY_PROOF", "PLINTH_DNS_PROOF"],
      handle: ({ body, subject }) => registerPublisher(api, body, subject),
    }),
    route({
      ...reads,
      method: "GET",
      path: "/api/v1/publishers/{publisher}/owners",
      name: "listOwners",
      summary: "Who may act for a publisher.",
      answer: Type.Object({ owners: Type.Array(Type.String()) }, closed),
      handle: async ({ params }) => ({ owners: (await publisherOf(api, params.publisher)).owners }),
    }),
    ...keyRoutes(api),
    ...ownerRoutes(api),
  ];
}

/** A right over all of a publisher's packages: a token for one of them does not reach so far. */
const changes = (api: Api) =>
  ({
    tag: "publishers",
    action: "publisher.change",
    resource: ({ params }: { params: { publisher: string } }) => resources.publisher(api, params.publisher),
    policy: "write",
    answer: Done,
  }) as const;

function keyRoutes(api: Api): Route[] {
  const { catalogue } = api;
  return [
    route({
      ...changes(api),
      method: "POST",
      path: "/api/v1/publishers/{publisher}/keys",
      name: "changeKey",
      summary: "A new key for a publisher, vouched for by the old one or by the registry's recovery role.",
      audit: { as: "key.change", subject: ({ params }) => params.publisher },
      params: PublisherParams,
      body: KeyLink,
      status: 201,
      problems: ["PLINTH_KEY_ROTATION"],
      async handle({ params, body, permit }) {
        await catalogue.record({ type: "key", publisher: params.publisher, link: body }, permit);
        return done;
      },
    }),
    route({
      ...changes(api),
      method: "PUT",
      path: "/api/v1/publishers/{publisher}/keys/{keyId}/revocation",
      name: "revokeKey",
      summary: "End a key: what it signs from now on counts no more.",
      audit: { as: "key.revoke", subject: ({ params }) => params.publisher, detail: ({ params }) => params.keyId },
      params: Type.Object({ publisher, keyId }, closed),
      body: ReasonBody,
      problems: ["PLINTH_KEY_UNKNOWN"],
      async handle({ params, body, permit }) {
        await catalogue.record({ type: "revoke", ...params, reason: body.reason }, permit);
        return done;
      },
    }),
  ];
}

function ownerRoutes(api: Api): Route[] {
  const { storage } = api;
  const path = "/api/v1/publishers/{publisher}/owners/{user}";
  const about = { subject: ({ params }: Named) => params.publisher, detail: ({ params }: Named) => params.user };
  return [
    route({
      ...changes(api),
      method: "PUT",
      path,
      name: "addOwner",
      summary: "Let a further user act for the publisher.",
      audit: { as: "owner.add", ...about },
      params: OwnerParams,
      problems: ["PLINTH_USER_UNKNOWN"],
      async handle({ params }) {
        // A name that is nobody's yet would be the first comer's.
        if ((await storage.users.find(params.user)) === undefined) throw refuse.userUnknown(params.user);
        await storage.publishers.addOwner(params.publisher, params.user);
        return done;
      },
    }),
    route({
      ...changes(api),
      method: "DELETE",
      path,
      name: "removeOwner",
      summary: "Take the right to act for the publisher from a user. The last owner stays.",
      audit: { as: "owner.remove", ...about },
      params: OwnerParams,
      problems: ["PLINTH_LAST_OWNER"],
      async handle({ params }) {
        if (await storage.publishers.removeOwner(params.publisher, params.user)) return done;
        if ((await publisherOf(api, params.publisher)).owners.includes(params.user)) throw refuse.lastOwner(params.publisher, params.user);
        return done;
      },
    }),
  ];
}

interface Named {
  params: { publisher: string; user: string };
}
