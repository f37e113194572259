import Type from "typebox";
import { type Api, resources } from "../api.ts";
import { type Route, route } from "../route.ts";
import { closed, id, publisher, time, version } from "./shapes.ts";

export const PERMISSION_KINDS = ["none", "net", "fs", "env", "exec", "secrets", "principals"] as const;

const Found = Type.Object(
  {
    id,
    version,
    title: Type.String(),
    description: Type.String(),
    updatedAt: time,
    downloads: Type.Integer(),
    contracts: Type.Array(Type.String()),
    permissions: Type.Array(Type.String()),
  },
  closed,
);

/** Filters and pages, as the API and the page for people take them. */
export const SearchParameters = Type.Object(
  {
    q: Type.String({ default: "", maxLength: 200, description: "Words; each is a beginning of a word in the package. Empty: all packages." }),
    publisher: Type.Optional(publisher),
    contract: Type.Optional(
      Type.String({
        pattern: "^[a-z][a-z0-9-]*(\\.[a-z][a-z0-9-]*)+$",
        maxLength: 128,
        description: "A contract that it provides, such as plinth.tool.",
      }),
    ),
    permission: Type.Optional(
      Type.Enum([...PERMISSION_KINDS], { description: "A kind of permission that it asks for; `none` for packages that ask for nothing." }),
    ),
    limit: Type.Integer({ default: 20, minimum: 1, maximum: 100 }),
    offset: Type.Integer({ default: 0, minimum: 0, maximum: 10_000 }),
  },
  closed,
);

export function searchRoutes({ storage }: Api): Route[] {
  return [
    route({
      method: "GET",
      path: "/api/v1/search",
      name: "search",
      tag: "search",
      summary: "Search packages, best first.",
      action: "read",
      resource: resources.open,
      policy: "search",
      query: SearchParameters,
      answer: Type.Object(
        { total: Type.Integer(), packages: Type.Array(Found), next: Type.Optional(Type.Integer({ description: "The next page's offset." })) },
        closed,
      ),
      async handle({ query: { q: text, limit, offset, ...filters } }) {
        const { total, packages } = await storage.packages.search({ text, limit, offset, ...filters });
        return { total, packages, ...(offset + packages.length < total && packages.length > 0 ? { next: offset + packages.length } : {}) };
      },
    }),
  ];
}
