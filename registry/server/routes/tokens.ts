import { PlinthError } from "@plinth/manifests/wire/error.ts";
import Type from "typebox";
import { type Api, audited, isAdmin, tokenOf } from "../api.ts";
import { refuse } from "../problem.ts";
import { type Route, route } from "../route.ts";
import type { Token as StoredToken } from "../storage/index.ts";
import { within } from "../tokens.ts";
import { closed, Done, done, pattern, scope, time, user } from "./shapes.ts";

const DAY_MS = 86_400_000;
const Token = Type.Object(
  {
    id: Type.String(),
    user,
    label: Type.String(),
    scopes: Type.Array(scope),
    packages: Type.Array(pattern),
    createdAt: time,
    expiresAt: time,
    revokedAt: Type.Optional(time),
    lastUsedAt: Type.Optional(time),
  },
  closed,
);
export const NewToken = Type.Object({ token: Token, secret: Type.String({ description: "The token itself. It is shown once." }) }, closed);
const TokenParams = Type.Object({ id: Type.String({ pattern: "^[0-9a-f]{16}$" }) }, closed);

/** Tokens: made, listed, rotated, revoked, and the one that is used now. */
export function tokenRoutes(api: Api): Route[] {
  const tag = "tokens";
  const { storage, tokens } = api;

  /** A token that the caller may see and end: itself, its user's with the scope owner, any with admin. */
  const reach = async (caller: StoredToken, id: string): Promise<StoredToken> => {
    const found = (await storage.tokens.find(id))?.token;
    const may = found !== undefined && (found.id === caller.id || isAdmin(caller) || (caller.scopes.includes("owner") && found.user === caller.user));
    if (may) return found;
    throw new PlinthError("PLINTH_NOT_FOUND", "There is no such token of yours.", {
      next: "List your tokens; ending another one needs the scope owner.",
    });
  };

  return [
    route({
      method: "GET",
      path: "/api/v1/session",
      name: "whoAmI",
      tag,
      summary: "The token that is used.",
      token: "any",
      policy: "read",
      answer: Token,
      handle: async (call) => tokenOf(call),
    }),
    route({
      method: "DELETE",
      path: "/api/v1/session",
      name: "logout",
      tag,
      summary: "Revoke the token that is used.",
      token: "any",
      policy: "write",
      answer: Done,
      handle: (call) =>
        audited(api, call, "logout", tokenOf(call).id, async () => {
          await tokens.revoke(tokenOf(call).id);
          return done;
        }),
    }),
    route({
      method: "GET",
      path: "/api/v1/tokens",
      name: "listTokens",
      tag,
      summary: "The tokens of the same user, without their secrets; of all users for administrators.",
      token: "any",
      policy: "read",
      answer: Type.Object({ tokens: Type.Array(Token) }, closed),
      async handle(call) {
        const token = tokenOf(call);
        return { tokens: await storage.tokens.list(isAdmin(token) ? undefined : token.user) };
      },
    }),
    route({
      method: "POST",
      path: "/api/v1/tokens",
      name: "createToken",
      tag,
      summary: "A further token, which may do and lasts at most as much as the one that makes it.",
      token: "owner",
      policy: "write",
      body: Type.Object(
        {
          label: Type.String({ minLength: 1, maxLength: 80, pattern: "^[^\\u0000-\\u001f\\u007f]+$" }),
          scopes: Type.Array(scope, { minItems: 1, maxItems: 4, uniqueItems: true }),
          packages: Type.Array(pattern, { minItems: 1, maxItems: 32, uniqueItems: true }),
          days: Type.Integer({ minimum: 1, maximum: 366, default: 90 }),
          user: Type.Optional(Type.String({ ...user, description: "Another user; for administrators." })),
        },
        closed,
      ),
      status: 201,
      answer: NewToken,
      handle: (call) =>
        audited(api, call, "token.create", call.body.user ?? tokenOf(call).user, async () => {
          const from = tokenOf(call);
          const { scopes, packages, label } = call.body;
          if (!isAdmin(from)) {
            const missing = scopes.find((one) => !from.scopes.includes(one));
            if (missing !== undefined) throw refuse.scope(missing);
            if (call.body.user !== undefined && call.body.user !== from.user) throw refuse.scope("admin");
          }
          if (!within(packages, from.packages)) throw refuse.scope("owner");
          const left = Math.ceil((Date.parse(from.expiresAt) - api.now()) / DAY_MS);
          const made = await tokens.create({
            user: call.body.user ?? from.user,
            label,
            scopes,
            packages,
            days: Math.min(call.body.days, Math.max(1, left)),
          });
          return made;
        }),
    }),
    route({
      method: "POST",
      path: "/api/v1/tokens/{id}/rotation",
      name: "rotateToken",
      tag,
      summary: "A new token in place of this one, with the same rights until the same time. The old one ends at once.",
      token: "any",
      policy: "write",
      params: TokenParams,
      status: 201,
      answer: NewToken,
      handle: (call) =>
        audited(api, call, "token.rotate", call.params.id, async () => {
          const old = await reach(tokenOf(call), call.params.id);
          if (old.revokedAt !== undefined) throw refuse.revoked();
          // Whoever gets the secret gets the rights: another user's token is made anew by its user only.
          if (old.user !== tokenOf(call).user) throw refuse.scope("owner");
          return tokens.rotate(old);
        }),
    }),
    route({
      method: "DELETE",
      path: "/api/v1/tokens/{id}",
      name: "revokeToken",
      tag,
      summary: "End a token.",
      token: "any",
      policy: "write",
      params: TokenParams,
      answer: Done,
      handle: (call) =>
        audited(api, call, "token.revoke", call.params.id, async () => {
          await tokens.revoke((await reach(tokenOf(call), call.params.id)).id);
          return done;
        }),
    }),
  ];
}
