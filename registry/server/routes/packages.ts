import type { Manifest, PackageIndex } from "@plinth/manifests";
import Type from "typebox";
import { splitId } from "../../layout.ts";
import { type Api, resources } from "../api.ts";
import type { Marks } from "../catalogue.ts";
import { type Route, route, tarballRoute } from "../route.ts";
import { closed, Done, done, Finding, id, keyId, PackageParams, publisher, ReasonBody, signature, time, VersionParams, version } from "./shapes.ts";

const Published = Type.Object(
  {
    id,
    version,
    integrity: Type.String(),
    size: Type.Integer(),
    findings: Type.Array(Finding),
    dryRun: Type.Boolean({ description: "true: everything was checked and nothing was written." }),
  },
  closed,
);

const Detail = Type.Object(
  {
    id,
    index: Type.Unsafe<PackageIndex>(
      Type.Object({ id, versions: Type.Array(Type.Unknown()), tags: Type.Record(Type.String(), Type.String()) }, closed),
    ),
    manifest: Type.Optional(Type.Unsafe<Manifest>(Type.Object({}))),
    publisher: Type.Object({ name: publisher, owners: Type.Array(Type.String()), domain: Type.Optional(Type.String()) }, closed),
    downloads: Type.Object(
      { total: Type.Integer(), versions: Type.Record(Type.String(), Type.Integer()), days: Type.Record(Type.String(), Type.Integer()) },
      closed,
    ),
    findings: Type.Optional(Type.Array(Finding, { description: "Of the version that `latest` names." })),
  },
  closed,
);

/** Publishing, and what a publisher says of a version afterwards. */
export function packageRoutes(api: Api): Route[] {
  const tag = "packages";
  const { catalogue, storage } = api;
  return [
    route({
      method: "GET",
      path: "/api/v1/packages/{id}",
      name: "getPackage",
      tag,
      summary: "A package with its versions, owners, downloads and findings.",
      action: "read",
      resource: resources.open,
      policy: "read",
      params: PackageParams,
      answer: Detail,
      problems: ["PLINTH_PACKAGE_UNKNOWN"],
      async handle({ params }) {
        const index = await catalogue.index(params.id);
        const name = splitId(params.id).publisher;
        const known = await storage.publishers.find(name);
        const best = index.versions.find((entry) => entry.version === index.tags.latest) ?? index.versions.at(-1);
        const findings = best === undefined ? undefined : await storage.findings.of(params.id, best.version);
        return {
          id: params.id,
          index,
          ...(best === undefined ? {} : { manifest: best.manifest }),
          publisher: { name, owners: known?.owners ?? [], ...(known?.domain === undefined ? {} : { domain: known.domain }) },
          downloads: await storage.downloads.of(params.id),
          ...(findings === undefined ? {} : { findings }),
        };
      },
    }),
    tarballRoute({
      method: "POST",
      path: "/api/v1/packages/{id}/versions/{version}",
      name: "publish",
      tag,
      summary: "Publish a version: its tarball, signed by its publisher's key.",
      action: "package.publish",
      resource: ({ params }) => resources.package(api, params.id),
      audit: { as: "publish", subject: ({ params }) => `${params.id}@${params.version}` },
      policy: "write",
      params: VersionParams,
      query: Type.Object({ dryRun: Type.Boolean({ default: false, description: "Check everything, write nothing." }) }, closed),
      headers: Type.Object({ "plinth-published-at": time, "plinth-key-id": keyId, "plinth-signature": signature }),
      status: 201,
      answer: Published,
      problems: ["PLINTH_VERSION_EXISTS", "PLINTH_NAME_LOOKALIKE", "PLINTH_SIGNATURE", "PLINTH_PACKAGE_MISMATCH", "PLINTH_MANIFEST_INVALID"],
      async handle({ params, headers, query, body, permit }) {
        const { integrity, findings } = await catalogue.publish({
          ...params,
          tarball: body,
          publishedAt: headers["plinth-published-at"],
          signature: { keyId: headers["plinth-key-id"], signature: headers["plinth-signature"] },
          dryRun: query.dryRun,
          permit,
        });
        return { ...params, integrity, size: body.length, findings, dryRun: query.dryRun };
      },
    }),
    ...marks(api),
  ];
}

/** What a publisher says of a version afterwards. */
function marks(api: Api): Route[] {
  const { catalogue } = api;
  const base = "/api/v1/packages/{id}/versions/{version}";
  const common = {
    tag: "packages",
    action: "package.mark",
    resource: ({ params }: { params: { id: string } }) => resources.package(api, params.id),
    policy: "write",
    params: VersionParams,
    answer: Done,
    problems: ["PLINTH_VERSION_UNKNOWN"],
  } as const;
  const subject = ({ params }: { params: { id: string; version: string } }) => `${params.id}@${params.version}`;
  const detail = ({ body }: { body: { reason: string } }) => body.reason;
  return [
    route({
      ...common,
      method: "PUT",
      path: `${base}/yank`,
      name: "yank",
      summary: "Withdraw a version: it is not chosen for new installs; those who locked it still get it.",
      audit: { as: "yank", subject, detail },
      body: ReasonBody,
      async handle({ params, body, permit }) {
        const change = (entry: Marks) => void (entry.yanked = body.reason);
        await catalogue.mark("yank", params.id, params.version, change, permit);
        return done;
      },
    }),
    route({
      ...common,
      method: "DELETE",
      path: `${base}/yank`,
      name: "unyank",
      summary: "Offer a withdrawn version again.",
      audit: { as: "unyank", subject },
      async handle({ params, permit }) {
        await catalogue.unyank(params.id, params.version, permit);
        return done;
      },
    }),
    route({
      ...common,
      method: "PUT",
      path: `${base}/deprecation`,
      name: "deprecate",
      summary: "Advise against a version. It can still be installed.",
      audit: { as: "deprecate", subject, detail },
      body: ReasonBody,
      async handle({ params, body, permit }) {
        const change = (entry: Marks) => void (entry.deprecated = body.reason);
        await catalogue.mark("deprecate", params.id, params.version, change, permit);
        return done;
      },
    }),
    route({
      ...common,
      method: "DELETE",
      path: `${base}/deprecation`,
      name: "undeprecate",
      summary: "Take the advice back.",
      audit: { as: "undeprecate", subject },
      async handle({ params, permit }) {
        const change = (entry: Marks) => void delete entry.deprecated;
        await catalogue.mark("deprecate", params.id, params.version, change, permit);
        return done;
      },
    }),
  ];
}
