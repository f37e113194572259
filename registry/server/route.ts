import type { Static, TObject, TSchema } from "typebox";
import type { Subject } from "./authority.ts";
import type { Action, Resource } from "./authorize.ts";
import type { Policy } from "./rate-limits.ts";

/** One request, checked against its route: what is here fits the schemas. */
export interface Call<P = unknown, Q = unknown, H = unknown, B = unknown> {
  params: P;
  query: Q;
  headers: H;
  body: B;
  /** Who asks, when the action asks for a token and one came with the request. */
  subject: Subject | undefined;
  address: string;
  /** Decide once more, from the facts as they are now. For what takes long, before it counts. */
  permit(): Promise<void>;
}

/** One operation of the API: what the server checks, and what the OpenAPI document says, from one definition. */
export interface Route<P extends TObject = TObject, Q extends TObject = TObject, H extends TObject = TObject, B extends TSchema = TSchema> {
  method: "GET" | "POST" | "PUT" | "DELETE";
  /** Such as /api/v1/packages/{id}. */
  path: string;
  /** operationId. */
  name: string;
  tag: string;
  summary: string;
  /** What is asked; see RULES. */
  action: Action;
  /** What it is about; of several, the subject needs the right to each. A tarball's bytes are not read yet; a JSON body is there. */
  resource(
    call: Pick<Call<Static<P>, Static<Q>, Static<H>, Static<B>>, "params" | "query" | "body" | "subject">,
  ): Resource | Promise<Resource | Resource[]>;
  /** What is written down of it, done or refused. Each operation that changes something says it. */
  audit?: {
    as: string;
    subject(call: Call<Static<P>, Static<Q>, Static<H>, Static<B>>): string | undefined;
    detail?(call: Call<Static<P>, Static<Q>, Static<H>, Static<B>>): string;
  };
  policy: Policy;
  params?: P;
  query?: Q;
  /** Lower-case names. */
  headers?: H;
  /** A JSON body; or the bytes of a gzipped tarball. */
  body?: B | "tarball";
  status?: number;
  answer: TSchema;
  /** Codes of the problems that are this operation's own. */
  problems?: readonly string[];
  handle(call: Call<Static<P>, Static<Q>, Static<H>, B extends TSchema ? Static<B> : Buffer>): Promise<unknown>;
}

/** Keeps the types of the schemas for `handle`. */
export function route<P extends TObject = TObject<{}>, Q extends TObject = TObject<{}>, H extends TObject = TObject<{}>, B extends TSchema = TSchema>(
  definition: Route<P, Q, H, B>,
): Route {
  return definition as unknown as Route;
}

/** The same for routes whose body is a tarball. */
export function tarballRoute<P extends TObject = TObject<{}>, Q extends TObject = TObject<{}>, H extends TObject = TObject<{}>>(
  definition: Omit<Route<P, Q, H>, "handle" | "body"> & { handle(call: Call<Static<P>, Static<Q>, Static<H>, Buffer>): Promise<unknown> },
): Route {
  return { ...definition, body: "tarball" } as unknown as Route;
}
