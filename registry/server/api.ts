import { splitId } from "../layout.ts";
import type { Action, Resource } from "./authorize.ts";
import type { Catalogue } from "./catalogue.ts";
import type { TxtResolver } from "./dns-proof.ts";
import { publisherOfDomain } from "./dns-proof.ts";
import { refuse } from "./problem.ts";
import type { Publisher, Storage } from "./storage/index.ts";
import type { Tokens } from "./tokens.ts";

/** What the routes work with. */
export interface Api {
  catalogue: Catalogue;
  storage: Storage;
  tokens: Tokens;
  now(): number;
  /** Who may register a publisher's name without a token: anybody with a key, the owner of a domain, or nobody. */
  registration: "open" | "domain" | "token";
  resolveTxt?: TxtResolver | undefined;
}

/** What is asked, and about what: a route says it, `authorize` decides it. */
export type { Action, Resource };

/** The resources of requests, with the facts as they are now. */
export const resources = {
  open: (): Resource => ({ kind: "public" }),
  registry: (): Resource => ({ kind: "registry" }),
  session: (): Resource => ({ kind: "session" }),
  package: async ({ storage }: Api, id: string): Promise<Resource> => ({
    kind: "package",
    id,
    publisher: await storage.publishers.find(splitId(id).publisher),
  }),
  publisher: async ({ storage }: Api, name: string): Promise<Resource> => ({
    kind: "publisher",
    name,
    publisher: await storage.publishers.find(name),
  }),
  token: async ({ tokens }: Api, id: string): Promise<Resource> => ({ kind: "token", target: await tokens.find(id) }),
  /** A key alone is enough where the registry is open, or where the domain that is to be proven makes the name. */
  name: async ({ storage, registration }: Api, name: string, domain: string | undefined): Promise<Resource> => ({
    kind: "name",
    name,
    open: registration === "open" || (registration === "domain" && domain !== undefined && publisherOfDomain(domain) === name),
    publisher: await storage.publishers.find(name),
  }),
};

export async function publisherOf(api: Api, name: string): Promise<Publisher> {
  const publisher = await api.storage.publishers.find(name);
  if (publisher === undefined) throw refuse.publisherUnknown(name);
  return publisher;
}
