import type { IncomingMessage, ServerResponse } from "node:http";
import type { Guard } from "./guard.ts";
import type { Found, Route, RouteTable } from "./routes.ts";

const PREFLIGHT_SECONDS = "600";

/** Whether pages of another origin may ask this route. Where the gateway's token counts, only the operator can say so. */
export function mayAsk({ cors, auth }: Pick<Route, "cors" | "auth">, origin: string | undefined, guard: Guard): boolean {
  if (cors === undefined || origin === undefined) return false;
  if (auth === "token" && !guard.configured(origin)) return false;
  return cors.origins.includes("*") || cors.origins.includes(origin.toLowerCase());
}

/** What a page of another origin gets besides the answer. */
export function corsHeaders(route: Route, origin: string | undefined, guard: Guard): Record<string, string> {
  if (route.cors === undefined) return {};
  if (!mayAsk(route, origin, guard)) return { vary: "origin" };
  const { exposes = [] } = route.cors;
  return {
    "access-control-allow-origin": origin as string,
    vary: "origin",
    ...(exposes.length === 0 ? {} : { "access-control-expose-headers": exposes.join(", ") }),
  };
}

/** A browser asks whether its page may ask. True when this was such a question and it has its answer. */
export function answerPreflight(request: IncomingMessage, response: ServerResponse, routes: RouteTable, path: string, guard: Guard): boolean {
  const wanted = request.headers["access-control-request-method"];
  const { origin } = request.headers;
  if (request.method !== "OPTIONS" || wanted === undefined || origin === undefined) return false;
  const found = routes.match(wanted, path);
  if (Array.isArray(found) || !mayAsk((found as Found).route, origin, guard)) return false;
  const { methods, cors } = found.route;
  response.writeHead(204, {
    "access-control-allow-origin": origin,
    "access-control-allow-methods": methods.join(", "),
    "access-control-allow-headers": (cors?.headers ?? ["authorization", "content-type"]).join(", "),
    "access-control-max-age": PREFLIGHT_SECONDS,
    vary: "origin",
  });
  response.end();
  return true;
}
