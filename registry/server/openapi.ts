import { RULES } from "./authorize.ts";
import { Problem } from "./problem.ts";
import type { Route } from "./route.ts";

/** What is true of every operation. */
const COMMON = {
  "400": "The request does not fit.",
  "429": "Too many requests; Retry-After says when to come back.",
  "503": "The registry is busy or stopping.",
};

/** The OpenAPI 3.1 document of the routes. */
export function openApi(routes: readonly Route[], { title, version }: { title: string; version: string }): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    paths[route.path] ??= {};
    paths[route.path]![route.method.toLowerCase()] = operation(route);
  }
  return {
    openapi: "3.1.0",
    info: {
      title,
      version,
      summary: "A registry of Plinth extensions.",
      description:
        "Packages are read as static files: /registry.json, /packages/{publisher}/{name}.json, and the tarballs that these name. This API is for what changes them, and for searching.",
    },
    tags: [...new Set(routes.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas: { Problem: plain(Problem) },
      securitySchemes: { token: { type: "http", scheme: "bearer", description: "A token of this registry." } },
      headers: {
        RateLimit: { description: "What is left: the policy, `r` requests, for `t` seconds.", schema: { type: "string" } },
        "RateLimit-Policy": { description: "The policy: `q` requests in `w` seconds.", schema: { type: "string" } },
      },
    },
  };
}

function operation(route: Route): object {
  const status = String(route.status ?? 200);
  const { token } = RULES[route.action];
  const needsToken = token !== "none" && token !== "optional";
  const failures: Record<string, string> = {
    ...COMMON,
    ...(token === "none" ? {} : { "401": "No token, or not a valid one." }),
    ...(needsToken ? { "403": "The token does not allow it." } : {}),
    ...(route.params === undefined ? {} : { "404": "There is no such thing." }),
    ...(route.body === undefined ? {} : { "411": "The length is missing.", "413": "Too large.", "415": "Another kind of body is needed." }),
    ...(route.problems === undefined ? {} : { default: `One of ${route.problems.join(", ")}.` }),
  };
  return {
    operationId: route.name,
    tags: [route.tag],
    summary: route.summary,
    ...(needsToken
      ? { security: [{ token: [] }], "x-scope": token, "x-action": route.action }
      : token === "optional"
        ? { security: [{}, { token: [] }] }
        : { security: [] }),
    parameters: [...parameters("path", route.params), ...parameters("query", route.query), ...parameters("header", route.headers)],
    ...(route.body === undefined ? {} : { requestBody: requestBody(route.body) }),
    responses: {
      [status]: {
        description: "Done.",
        headers: {
          RateLimit: { $ref: "#/components/headers/RateLimit" },
          "RateLimit-Policy": { $ref: "#/components/headers/RateLimit-Policy" },
        },
        content: { "application/json": { schema: plain(route.answer) } },
      },
      ...Object.fromEntries(
        Object.entries(failures).map(([code, description]) => [
          code,
          { description, content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } } },
        ]),
      ),
    },
  };
}

function requestBody(body: NonNullable<Route["body"]>): object {
  if (body === "tarball") return { required: true, content: { "application/gzip": { schema: { type: "string", format: "binary" } } } };
  return { required: true, content: { "application/json": { schema: plain(body) } } };
}

function parameters(place: "path" | "query" | "header", schema: Route["params"]): object[] {
  const required = new Set<string>((schema as { required?: string[] } | undefined)?.required ?? []);
  return Object.entries(schema?.properties ?? {}).map(([name, property]) => ({
    name,
    in: place,
    required: place === "path" || required.has(name),
    schema: plain(property),
  }));
}

const plain = (schema: unknown): object => JSON.parse(JSON.stringify(schema));
