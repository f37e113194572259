import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Call, type Context, errorInfo, PlinthError, type Provider } from "@plinth/sdk";
import { type NpmSpec, parseNpmSpec } from "./spec.ts";

const MAX_DOCUMENT = 32 * 1_048_576;
/** From the first byte to the last, for document and tarball together. */
const LIMIT_MS = 180_000;
/** What registries that hold npm's packages without rewriting their addresses point to. */
const NPM = "https://registry.npmjs.org";

/**
 * A package of an npm registry that has a plinth.json. The tarball's hash is the registry's; no script of the package
 * runs, nothing it depends on is fetched: an extension is one bundle. Who published it is npm's word only, so that it
 * comes unsigned and an owner consents to it like to an archive.
 */
export function npmSource(ctx: Context): Provider<"plinth.plugin-source"> {
  return {
    async fetch({ spec, cwd, into }, call: Call) {
      if (call.work?.principal.role !== "owner")
        throw new PlinthError("PLINTH_NOT_OWNER", "Only the owner of this host may fetch extensions.", { next: "Ask the owner to do it." });
      const asked = parseNpmSpec(spec);
      const signal = AbortSignal.any([call.signal, AbortSignal.timeout(LIMIT_MS)]);
      const { bytes, version, integrity } = await download(ctx, asked, signal).catch((thrown: unknown) => {
        call.signal.throwIfAborted();
        const { code } = thrown as { code?: unknown };
        throw String(code).startsWith("PLINTH_") && !signal.aborted ? thrown : notFetched(ctx, spec, thrown);
      });
      const dir = await mkdtemp(join(ctx.dataDir, "fetched-"));
      try {
        const { extractArchive } = await import("@plinth/registry");
        await extractArchive(bytes, dir, { signal, integrity, about: `The package ${asked.name} ${version} of ${registryOf(ctx)}` });
        // From here on it is a folder: what belongs into a package is taken, the rest stays behind.
        await ctx.use("plinth.plugin-source").get("folder").fetch({ spec: dir, cwd, into }, { signal });
      } finally {
        await rm(dir, { recursive: true, force: true });
      }
      return { source: `npm:${asked.name}@${version}`, integrity };
    },
  };
}

const registryOf = (ctx: Context): string => String(ctx.config.registry).replace(/\/*$/, "/");

async function download(
  ctx: Context,
  { name, wanted }: NpmSpec,
  signal: AbortSignal,
): Promise<{ bytes: Buffer; version: string; integrity: string }> {
  const { ARCHIVE_LIMITS, chooseNpmVersion, readFrom } = await import("@plinth/registry");
  const url = registryOf(ctx);
  const place = {
    who: `The npm registry ${url}`,
    url,
    also: ctx.config.downloads as string[] | undefined,
    fetch: (address: string, options: object) => ctx.fetch(address, options),
  };
  const token = ctx.env.NPM_TOKEN;
  const secret: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const read = async (address: string, accept: string, maxBytes: number): Promise<Buffer> => {
    const { answer, bytes } = await readFrom(place, address, { headers: { accept }, secret, maxBytes, signal }, () => tooLarge(name, url, maxBytes));
    if (answer.status !== 200) throw refusal(name, url, answer.status);
    return bytes;
  };
  const document = await read(
    new URL(name.replace("/", "%2f"), url).href,
    "application/vnd.npm.install-v1+json, application/json;q=0.8",
    MAX_DOCUMENT,
  );
  const { version, tarball, integrity } = await chooseNpmVersion({ bytes: document, name, wanted }, url, signal);
  return { bytes: await read(atHome(tarball, url), "application/octet-stream, */*;q=0.5", ARCHIVE_LIMITS.totalBytes), version, integrity };
}

/** A mirror of npm may leave npm's own addresses in its documents; it has the same path. */
function atHome(tarball: string, url: string): string {
  const target = URL.parse(tarball);
  return target?.origin === NPM ? new URL(target.pathname, url).href : tarball;
}

function refusal(name: string, url: string, status: number): PlinthError {
  if (status === 404) return new PlinthError("PLINTH_PACKAGE_UNKNOWN", `${name}: there is no such package (${url}).`, { next: "Check its name." });
  if (status === 401) return new PlinthError("PLINTH_NET", `${name}: the registry wants a token (${url}).`, { next: "Set NPM_TOKEN." });
  if (status === 403) return new PlinthError("PLINTH_NET", `${name}: the registry refuses (${url}).`, { next: "Check NPM_TOKEN." });
  return new PlinthError("PLINTH_NET", `${name}: the registry answers ${status} (${url}).`, { next: "Check the address, then try again." });
}

const tooLarge = (name: string, url: string, most: number): PlinthError =>
  new PlinthError("PLINTH_REGISTRY_SIZE", `What ${url} sends for ${name} is larger than ${most / 1_048_576} MiB.`, {
    next: "Do not install it; tell who runs the registry.",
  });

function notFetched(ctx: Context, spec: string, thrown: unknown): PlinthError {
  return new PlinthError("PLINTH_NET", `${spec} could not be fetched from ${registryOf(ctx)}: ${errorInfo(thrown).message}.`, {
    next: "Check the address and the network, then try again.",
    cause: thrown,
  });
}
