import { Advisory } from "@plinth/manifests/schema/registry-trust.ts";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import Type from "typebox";
import { type Api, audited, publisherOf } from "../api.ts";
import { refuse } from "../problem.ts";
import { type Route, route } from "../route.ts";
import { closed, Done, done, id, PackageParams, PublisherParams, ReasonBody, reason, time, VersionParams, version } from "./shapes.ts";

const MAX_OPEN_REPORTS = 20;
const Report = Type.Object(
  {
    id: Type.Integer(),
    at: time,
    package: id,
    version: Type.Optional(version),
    reason: Type.String(),
    detail: Type.String(),
    address: Type.String(),
    resolvedAt: Type.Optional(time),
    resolution: Type.Optional(Type.String()),
  },
  closed,
);
const AuditEvent = Type.Object(
  {
    sequence: Type.Integer(),
    at: time,
    user: Type.String(),
    tokenId: Type.Optional(Type.String()),
    address: Type.String(),
    action: Type.String(),
    subject: Type.String(),
    detail: Type.Optional(Type.String()),
  },
  closed,
);

/** Reports of anybody, and what the people who run the registry do about them. */
export function moderationRoutes(api: Api): Route[] {
  const tag = "moderation";
  const { storage } = api;
  const limit = Type.Integer({ default: 50, minimum: 1, maximum: 200 });
  return [
    route({
      method: "POST",
      path: "/api/v1/packages/{id}/reports",
      name: "report",
      tag,
      summary: "Tell the moderators of a package that does harm.",
      policy: "report",
      params: PackageParams,
      body: Type.Object(
        {
          reason: Type.Enum(["malicious", "vulnerable", "look-alike", "copyright", "spam", "other"]),
          detail: Type.String({ minLength: 1, maxLength: 4_000 }),
          version: Type.Optional(version),
        },
        closed,
      ),
      status: 201,
      answer: Type.Object({ report: Type.Integer() }, closed),
      async handle({ params, body, address }) {
        await api.catalogue.index(params.id);
        if ((await storage.reports.countOpen(address)) >= MAX_OPEN_REPORTS) throw refuse.busy();
        return { report: await storage.reports.add({ at: new Date(api.now()).toISOString(), package: params.id, address, ...body }) };
      },
    }),
    route({
      method: "GET",
      path: "/api/v1/moderation/reports",
      name: "listReports",
      tag,
      summary: "Reports, oldest first.",
      token: "admin",
      policy: "read",
      query: Type.Object({ open: Type.Boolean({ default: true }), limit }, closed),
      answer: Type.Object({ reports: Type.Array(Report) }, closed),
      handle: async ({ query }) => ({ reports: await storage.reports.list(query) }),
    }),
    route({
      method: "POST",
      path: "/api/v1/moderation/reports/{report}/resolution",
      name: "resolveReport",
      tag,
      summary: "Close a report.",
      token: "admin",
      policy: "write",
      params: Type.Object({ report: Type.Integer({ minimum: 1 }) }, closed),
      body: ReasonBody,
      answer: Done,
      handle: (call) =>
        audited(
          api,
          call,
          "report.resolve",
          String(call.params.report),
          async () => {
            if (await storage.reports.resolve(call.params.report, call.body.reason, new Date(api.now()).toISOString())) return done;
            throw new PlinthError("PLINTH_NOT_FOUND", `There is no open report ${call.params.report}.`, { next: "List the open ones." });
          },
          call.body.reason,
        ),
    }),
    route({
      method: "PUT",
      path: "/api/v1/moderation/advisories/{advisory}",
      name: "advise",
      tag,
      summary: "Publish an advisory, or its next state. Hosts pull it and act on it.",
      token: "admin",
      policy: "write",
      params: Type.Object({ advisory: Type.String({ pattern: "^[A-Z][A-Z0-9-]{2,40}$" }) }, closed),
      body: Type.Omit(Advisory, ["id", "at"]),
      answer: Done,
      handle: (call) =>
        audited(api, call, "advisory", call.params.advisory, async () => {
          const at = new Date(api.now()).toISOString();
          await api.catalogue.record({ type: "advisory", advisory: { ...(call.body as Omit<Advisory, "id" | "at">), id: call.params.advisory, at } });
          return done;
        }),
    }),
    ...versionRoutes(api),
    ...publisherRoutes(api),
    route({
      method: "PUT",
      path: "/api/v1/moderation/names/{name}",
      name: "allowName",
      tag,
      summary: "Let a publisher's name or a package's id pass although it looks like another.",
      token: "admin",
      policy: "write",
      params: Type.Object({ name: Type.String({ pattern: "^[a-z][a-z0-9-]{0,38}(\\.[a-z][a-z0-9-]{0,62})?$" }) }, closed),
      answer: Done,
      handle: (call) =>
        audited(api, call, "name.allow", call.params.name, async () => {
          await storage.allowedNames.add(call.params.name);
          return done;
        }),
    }),
    route({
      method: "GET",
      path: "/api/v1/audit",
      name: "audit",
      tag,
      summary: "Who changed what, or tried to, newest first.",
      token: "admin",
      policy: "read",
      query: Type.Object(
        { subject: Type.Optional(Type.String({ maxLength: 200 })), before: Type.Optional(Type.Integer({ minimum: 1 })), limit },
        closed,
      ),
      answer: Type.Object({ events: Type.Array(AuditEvent) }, closed),
      handle: async ({ query }) => ({ events: await storage.audit.list(query) }),
    }),
  ];
}

function versionRoutes(api: Api): Route[] {
  const base = "/api/v1/moderation/packages/{id}/versions/{version}";
  const common = {
    tag: "moderation",
    token: "admin",
    policy: "write",
    params: VersionParams,
    answer: Done,
    problems: ["PLINTH_VERSION_UNKNOWN"],
  } as const;
  const block = (method: "PUT" | "POST", path: string, name: string, summary: string, forGood: boolean) =>
    route({
      ...common,
      method,
      path: `${base}/${path}`,
      name,
      summary,
      body: ReasonBody,
      handle: (call) =>
        audited(
          api,
          call,
          `version.${name}`,
          `${call.params.id}@${call.params.version}`,
          async () => {
            await api.catalogue.block(call.params.id, call.params.version, call.body.reason, { forGood });
            return done;
          },
          call.body.reason,
        ),
    });
  return [
    block("PUT", "hidden", "hide", "Withhold a version while it is looked at. Its number stays taken.", false),
    route({
      ...common,
      method: "DELETE",
      path: `${base}/hidden`,
      name: "unhide",
      summary: "Give a withheld version back.",
      handle: (call) =>
        audited(api, call, "version.unhide", `${call.params.id}@${call.params.version}`, async () => {
          await api.catalogue.unblock(call.params.id, call.params.version);
          return done;
        }),
    }),
    block("POST", "takedown", "takeDown", "Delete a version's tarball for good. Its number stays taken.", true),
  ];
}

function publisherRoutes(api: Api): Route[] {
  const path = "/api/v1/moderation/publishers/{publisher}/ban";
  const common = {
    tag: "moderation",
    token: "admin",
    policy: "write",
    path,
    params: PublisherParams,
    answer: Done,
    problems: ["PLINTH_PUBLISHER_UNKNOWN"],
  } as const;
  return [
    route({
      ...common,
      method: "PUT",
      name: "banPublisher",
      summary: "Refuse everything that a publisher would change, until the ban is lifted.",
      body: Type.Object({ reason }, closed),
      handle: (call) =>
        audited(
          api,
          call,
          "publisher.ban",
          call.params.publisher,
          async () => {
            await publisherOf(api, call.params.publisher);
            await api.storage.publishers.setBan(call.params.publisher, call.body.reason);
            return done;
          },
          call.body.reason,
        ),
    }),
    route({
      ...common,
      method: "DELETE",
      name: "unbanPublisher",
      summary: "Lift a ban.",
      handle: (call) =>
        audited(api, call, "publisher.unban", call.params.publisher, async () => {
          await publisherOf(api, call.params.publisher);
          await api.storage.publishers.setBan(call.params.publisher, undefined);
          return done;
        }),
    }),
  ];
}
