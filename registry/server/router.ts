import { Ajv2020, type ErrorObject, type ValidateFunction } from "ajv/dist/2020.js";
import { refuse } from "./problem.ts";
import type { Route } from "./route.ts";

interface Prepared {
  route: Route;
  segments: string[];
  check: Record<Part, ValidateFunction | undefined>;
}
type Part = "params" | "query" | "headers" | "body";

export interface Match {
  route: Route;
  /** Values of the path, not checked yet. */
  params: Record<string, string>;
  /** The value if it fits its schema. @throws PLINTH_BAD_REQUEST. */
  check(part: Part, value: unknown): unknown;
}

/** Finds the route of a path and checks what comes with it. */
export class Router {
  readonly routes: readonly Route[];
  readonly #prepared: Prepared[];

  constructor(routes: readonly Route[]) {
    this.routes = routes;
    // Parts of an address are text: numbers and switches among them are read as such. Defaults are filled in.
    const texts = new Ajv2020({ strict: false, coerceTypes: true, useDefaults: true });
    const bodies = new Ajv2020({ strict: false, useDefaults: true });
    const compile = (ajv: Ajv2020, schema: unknown) => (schema === undefined ? undefined : ajv.compile(JSON.parse(JSON.stringify(schema))));
    this.#prepared = routes.map((route) => ({
      route,
      segments: route.path.split("/"),
      check: {
        params: compile(texts, route.params),
        query: compile(texts, route.query),
        headers: compile(texts, route.headers),
        body: route.body === "tarball" ? undefined : compile(bodies, route.body),
      },
    }));
  }

  /** @throws PLINTH_NOT_FOUND, PLINTH_METHOD_NOT_ALLOWED. */
  find(method: string, path: string): Match {
    const segments = path.split("/");
    const fitting = this.#prepared.flatMap((prepared) => {
      const params = paramsOf(prepared.segments, segments);
      return params === undefined ? [] : [{ prepared, params }];
    });
    const match = fitting.find(({ prepared }) => prepared.route.method === method);
    if (match === undefined) {
      if (fitting.length === 0) throw refuse.notFound(path);
      throw refuse.method([...new Set(fitting.map(({ prepared }) => prepared.route.method))].join(", "));
    }
    const { prepared, params } = match;
    return {
      route: prepared.route,
      params,
      check(part, value) {
        const validate = prepared.check[part];
        if (validate === undefined || validate(value)) return value;
        throw refuse.badRequest(`${part}${sentence(validate.errors?.[0])}`);
      },
    };
  }
}

function paramsOf(pattern: readonly string[], segments: readonly string[]): Record<string, string> | undefined {
  if (pattern.length !== segments.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, part] of pattern.entries()) {
    const segment = segments[index]!;
    if (!part.startsWith("{")) {
      if (part !== segment) return undefined;
      continue;
    }
    try {
      params[part.slice(1, -1)] = decodeURIComponent(segment);
    } catch {
      return undefined;
    }
  }
  return params;
}

function sentence(error: ErrorObject | undefined): string {
  if (error === undefined) return " does not fit";
  const where = error.instancePath.replaceAll("/", ".");
  const extra = error.keyword === "additionalProperties" ? `: ${String(error.params.additionalProperty).slice(0, 60)}` : "";
  const values = error.keyword === "enum" ? ` (${(error.params.allowedValues as unknown[]).join(", ")})` : "";
  return `${where} ${error.message ?? "does not fit"}${extra}${values}`;
}
