import Type from "typebox";
import { type Api, resources } from "../api.ts";
import { hasScope } from "../authority.ts";
import { may } from "../authorize.ts";
import { refuse } from "../problem.ts";
import { type Route, route } from "../route.ts";
import { closed, Done, done, ONE_LINE, pattern, scope, time, user } from "./shapes.ts";

const Token = Type.Object(
  {
    id: Type.String(),
    parent: Type.Optional(Type.String({ description: "The token that it was made from: it ends with that one." })),
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
const NewTokenWish = Type.Object(
  {
    label: Type.String({ minLength: 1, maxLength: 80, pattern: ONE_LINE }),
    scopes: Type.Array(scope, { minItems: 1, maxItems: 4, uniqueItems: true }),
    packages: Type.Array(pattern, { minItems: 1, maxItems: 32, uniqueItems: true }),
    days: Type.Integer({ minimum: 1, maximum: 366, default: 90 }),
    user: Type.Optional(Type.String({ ...user, description: "Another user; for administrators of all packages." })),
  },
  closed,
);
const TokenParams = Type.Object({ id: Type.String({ pattern: "^[0-9a-f]{16}$" }) }, closed);

/** Tokens: made, listed, rotated, revoked, and the one that is used now. */
export function tokenRoutes(api: Api): Route[] {
  const tag = "tokens";
  const { tokens } = api;
  const target = ({ params }: { params: { id: string } }) => resources.token(api, params.id);
  return [
    route({
      method: "GET",
      path: "/api/v1/session",
      name: "whoAmI",
      tag,
      summary: "The token that is used, and what it is worth.",
      action: "session.read",
      resource: resources.session,
      policy: "read",
      answer: Token,
      handle: async ({ subject }) => subject!.token,
    }),
    route({
      method: "DELETE",
      path: "/api/v1/session",
      name: "logout",
      tag,
      summary: "End the token that is used, and those that were made from it.",
      action: "session.end",
      resource: resources.session,
      audit: { as: "logout", subject: ({ subject }) => subject!.token.id },
      policy: "write",
      answer: Done,
      async handle({ subject }) {
        await tokens.revoke(subject!.token.id);
        return done;
      },
    }),
    route({
      method: "GET",
      path: "/api/v1/tokens",
      name: "listTokens",
      tag,
      summary:
        "The tokens within reach, without their secrets: itself and what was made from it; with the scope owner also those of the same user, with admin those of all, that may do no more.",
      action: "token.list",
      resource: resources.session,
      policy: "read",
      answer: Type.Object({ tokens: Type.Array(Token) }, closed),
      async handle({ subject }) {
        const all = await tokens.list(hasScope(subject!.token, "admin") ? undefined : subject!.token.user);
        return { tokens: all.filter((one) => may(subject, "token.see", { kind: "token", target: one })).map(({ token }) => token) };
      },
    }),
    route({
      method: "POST",
      path: "/api/v1/tokens",
      name: "createToken",
      tag,
      summary: "A further token, which may do no more than the one that makes it, and ends with it at the latest.",
      action: "token.create",
      resource: ({ body, subject }) => ({ kind: "new-token", ...body, user: body.user ?? subject!.token.user }),
      audit: { as: "token.create", subject: ({ body, subject }) => body.user ?? subject!.token.user },
      policy: "write",
      body: NewTokenWish,
      status: 201,
      answer: NewToken,
      problems: ["PLINTH_TOKEN_LIMIT"],
      handle: ({ body, subject }) => tokens.derive(subject!, { ...body, user: body.user ?? subject!.token.user }),
    }),
    route({
      method: "POST",
      path: "/api/v1/tokens/{id}/rotation",
      name: "rotateToken",
      tag,
      summary:
        "A new token in place of this one or of one made from it, with the same rights until the same time. The old one ends at once, and those that were made from it.",
      action: "token.rotate",
      resource: target,
      audit: { as: "token.rotate", subject: ({ params }) => params.id },
      policy: "write",
      params: TokenParams,
      status: 201,
      answer: NewToken,
      async handle({ params }) {
        const old = await tokens.find(params.id);
        if (old === undefined) throw refuse.tokenUnknown();
        return tokens.rotate(old.token);
      },
    }),
    route({
      method: "DELETE",
      path: "/api/v1/tokens/{id}",
      name: "revokeToken",
      tag,
      summary: "End a token, and those that were made from it.",
      action: "token.end",
      resource: target,
      audit: { as: "token.revoke", subject: ({ params }) => params.id },
      policy: "write",
      params: TokenParams,
      answer: Done,
      async handle({ params }) {
        await tokens.revoke(params.id);
        return done;
      },
    }),
  ];
}
