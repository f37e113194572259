import { Advisory } from "@plinth/manifests/schema/registry-trust.ts";
import { PlinthError } from "@plinth/manifests/wire/error.ts";
import Type from "typebox";
import { type Api, publisherOf, resources } from "../api.ts";
import { refuse } from "../problem.ts";
import { type Route, route } from "../route.ts";
import { closed, Done, done, id, ONE_LINE, PackageParams, PublisherParams, ReasonBody, reason, time, VersionParams, version } from "./shapes.ts";

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

/** An advisory as it is asked for: its id stands in the address, its time is now. */
const Wish = Type.Object(
  {
    ...Type.Omit(Advisory, ["id", "at"]).properties,
    title: Type.String({ minLength: 1, maxLength: 200, pattern: ONE_LINE }),
    url: Type.Optional(Type.String({ maxLength: 300, pattern: "^https?://[!-~]+$" })),
    retracted: Type.Optional(reason),
  },
  closed,
);
const ResolutionParams = Type.Object({ report: Type.Integer({ minimum: 1 }) }, closed);
const NameParams = Type.Object({ name: Type.String({ pattern: "^[a-z][a-z0-9-]{0,38}(\\.[a-z][a-z0-9-]{0,62})?$" }) }, closed);

/** Reports of anybody, and what the people who run the registry do about them. */
export function moderationRoutes(api: Api): Route[] {
  const tag = "moderation";
  const { storage } = api;
  const limit = Type.Integer({ default: 50, minimum: 1, maximum: 200 });
  const now = () => new Date(api.now()).toISOString();
  return [
    route({
      method: "POST",
      path: "/api/v1/packages/{id}/reports",
      name: "report",
      tag,
      summary: "Tell the moderators of a package that does harm.",
      action: "report",
      resource: resources.open,
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
        return { report: await storage.reports.add({ at: now(), package: params.id, address, ...body }) };
      },
    }),
    route({
      method: "GET",
      path: "/api/v1/moderation/reports",
      name: "listReports",
      tag,
      summary: "Reports, oldest first.",
      action: "govern",
      resource: resources.registry,
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
      action: "govern",
      resource: resources.registry,
      audit: { as: "report.resolve", subject: ({ params }) => String(params.report), detail: ({ body }) => body.reason },
      policy: "write",
      params: ResolutionParams,
      body: ReasonBody,
      answer: Done,
      async handle({ params, body }) {
        if (await storage.reports.resolve(params.report, body.reason, now())) return done;
        throw new PlinthError("PLINTH_NOT_FOUND", `There is no open report ${params.report}.`, { next: "List the open ones." });
      },
    }),
    route({
      method: "PUT",
      path: "/api/v1/moderation/advisories/{advisory}",
      name: "advise",
      tag,
      summary: "Publish an advisory, or its next state. Hosts pull it and act on it.",
      action: "moderate",
      // An advisory that is there is about a package, too: nobody takes over another one's.
      resource: async ({ params, body }) => [
        await resources.package(api, body.package),
        ...(await Promise.all((await api.catalogue.advisedOn(params.advisory)).map((id) => resources.package(api, id)))),
      ],
      audit: { as: "advisory", subject: ({ params }) => params.advisory, detail: ({ body }) => body.package },
      policy: "write",
      params: Type.Object({ advisory: Type.String({ pattern: "^[A-Z][A-Z0-9-]{2,40}$" }) }, closed),
      body: Wish,
      answer: Done,
      problems: ["PLINTH_ADVISORY_RANGE", "PLINTH_DOCUMENT_INVALID"],
      async handle({ params, body, permit }) {
        await api.catalogue.record({ type: "advisory", advisory: { ...body, id: params.advisory, at: now() } }, permit);
        return done;
      },
    }),
    ...versionRoutes(api),
    ...publisherRoutes(api),
    route({
      method: "PUT",
      path: "/api/v1/moderation/names/{name}",
      name: "allowName",
      tag,
      summary: "Let a publisher's name or a package's id pass although it looks like another.",
      action: "moderate",
      resource: ({ params }) => (params.name.includes(".") ? resources.package(api, params.name) : resources.publisher(api, params.name)),
      audit: { as: "name.allow", subject: ({ params }) => params.name },
      policy: "write",
      params: NameParams,
      answer: Done,
      async handle({ params }) {
        await storage.allowedNames.add(params.name);
        return done;
      },
    }),
    route({
      method: "GET",
      path: "/api/v1/audit",
      name: "audit",
      tag,
      summary: "Who changed what, or tried to, newest first.",
      action: "govern",
      resource: resources.registry,
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
    action: "moderate",
    resource: ({ params }: { params: { id: string } }) => resources.package(api, params.id),
    policy: "write",
    params: VersionParams,
    answer: Done,
    problems: ["PLINTH_VERSION_UNKNOWN"],
  } as const;
  const subject = ({ params }: { params: { id: string; version: string } }) => `${params.id}@${params.version}`;
  const block = (method: "PUT" | "POST", path: string, name: string, summary: string, forGood: boolean) =>
    route({
      ...common,
      method,
      path: `${base}/${path}`,
      name,
      summary,
      audit: { as: `version.${name}`, subject, detail: ({ body }) => body.reason },
      body: ReasonBody,
      async handle({ params, body, permit }) {
        await api.catalogue.block(params.id, params.version, body.reason, { forGood, permit });
        return done;
      },
    });
  return [
    block("PUT", "hidden", "hide", "Withhold a version while it is looked at. Its number stays taken.", false),
    route({
      ...common,
      method: "DELETE",
      path: `${base}/hidden`,
      name: "unhide",
      summary: "Give a withheld version back.",
      audit: { as: "version.unhide", subject },
      async handle({ params, permit }) {
        await api.catalogue.unblock(params.id, params.version, permit);
        return done;
      },
    }),
    block("POST", "takedown", "takeDown", "Delete a version's tarball for good. Its number stays taken.", true),
  ];
}

function publisherRoutes(api: Api): Route[] {
  const common = {
    tag: "moderation",
    action: "moderate",
    resource: ({ params }: { params: { publisher: string } }) => resources.publisher(api, params.publisher),
    policy: "write",
    path: "/api/v1/moderation/publishers/{publisher}/ban",
    params: PublisherParams,
    answer: Done,
    problems: ["PLINTH_PUBLISHER_UNKNOWN"],
  } as const;
  const subject = ({ params }: { params: { publisher: string } }) => params.publisher;
  return [
    route({
      ...common,
      method: "PUT",
      name: "banPublisher",
      summary: "Refuse everything that a publisher would change, until the ban is lifted.",
      audit: { as: "publisher.ban", subject, detail: ({ body }) => body.reason },
      body: ReasonBody,
      async handle({ params, body }) {
        await publisherOf(api, params.publisher);
        await api.storage.publishers.setBan(params.publisher, body.reason);
        return done;
      },
    }),
    route({
      ...common,
      method: "DELETE",
      name: "unbanPublisher",
      summary: "Lift a ban.",
      audit: { as: "publisher.unban", subject },
      async handle({ params }) {
        await publisherOf(api, params.publisher);
        await api.storage.publishers.setBan(params.publisher, undefined);
        return done;
      },
    }),
  ];
}
