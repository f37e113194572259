import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Call, type Context, errorInfo, PlinthError, type Provider } from "@plinth/sdk";

/** As npm names them: a scope or none, a name, a version or range or tag or none. */
const SPEC = /^(@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*(@[^@\s]{1,128})?$/i;

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
      if (!SPEC.test(spec)) throw badSpec(spec);
      const { bytes, name, version, integrity } = await download(ctx, spec, call.signal);
      const dir = await mkdtemp(join(ctx.dataDir, "fetched-"));
      try {
        const { extractArchive } = await import("@plinth/registry");
        await extractArchive(bytes, dir, { signal: call.signal });
        // From here on it is a folder: what belongs into a package is taken, the rest stays behind.
        await ctx.use("plinth.plugin-source").get("folder").fetch({ spec: dir, cwd, into }, { signal: call.signal });
      } finally {
        await rm(dir, { recursive: true, force: true });
      }
      return { source: `npm:${name}@${version}`, integrity };
    },
  };
}

interface Downloaded {
  bytes: Buffer;
  name: string;
  version: string;
  integrity: string;
}

async function download(ctx: Context, spec: string, signal: AbortSignal): Promise<Downloaded> {
  const { default: pacote } = await import("pacote");
  const registry = String(ctx.config.registry).replace(/\/*$/, "/");
  const token = ctx.env.NPM_TOKEN;
  const options = {
    registry,
    cache: join(ctx.dataDir, "cache"),
    ignoreScripts: true,
    // A registry's document may not send us to a folder or a repository of its choice.
    allowGit: "none",
    allowRemote: "none",
    allowFile: "none",
    fetchRetries: 1,
    timeout: 30_000,
    signal,
    ...(token === undefined ? {} : { [`${registry.replace(/^https?:/, "")}:_authToken`]: token }),
  };
  try {
    const { name, version, _resolved, _integrity } = await pacote.manifest(spec, { ...options, fullMetadata: true });
    if (_integrity === undefined || !_integrity.includes("sha512-"))
      throw new PlinthError("PLINTH_INTEGRITY", `${registry} gives no sha512 of ${name}@${version}.`, { next: "Use a registry that does." });
    const integrity = _integrity.split(" ").find((one) => one.startsWith("sha512-")) as string;
    const bytes = await pacote.tarball(`${name}@${version}`, { ...options, resolved: _resolved, integrity });
    return { bytes, name, version, integrity };
  } catch (thrown) {
    if (signal.aborted) throw signal.reason;
    throw failure(spec, registry, thrown);
  }
}

function failure(spec: string, registry: string, thrown: unknown): PlinthError {
  const { code, message } = thrown as { code?: string; message?: string };
  const known = KNOWN[code ?? ""];
  if (known !== undefined) return new PlinthError(known.code, `${spec}: ${known.says} (${registry}).`, { next: known.next });
  if (code?.startsWith("PLINTH_")) return thrown as PlinthError;
  return new PlinthError("PLINTH_NET", `${spec} could not be fetched from ${registry}: ${errorInfo(thrown).message || message}.`, {
    next: "Check the address and the network, then try again.",
    cause: thrown,
  });
}

const KNOWN: Readonly<Record<string, { code: string; says: string; next: string }>> = {
  E404: { code: "PLINTH_PACKAGE_UNKNOWN", says: "there is no such package", next: "Check its name." },
  ETARGET: { code: "PLINTH_PACKAGE_UNKNOWN", says: "there is no such version", next: "`npm view NAME versions` lists them." },
  E401: { code: "PLINTH_NET", says: "the registry wants a token", next: "Set NPM_TOKEN." },
  E403: { code: "PLINTH_NET", says: "the registry refuses", next: "Check NPM_TOKEN." },
  EINTEGRITY: {
    code: "PLINTH_INTEGRITY",
    says: "the tarball is not the one that the registry describes",
    next: "Do not install it; tell who runs the registry.",
  },
};

const badSpec = (spec: string): PlinthError =>
  new PlinthError("PLINTH_SPEC", `${JSON.stringify(spec.slice(0, 200))} is not an npm package.`, {
    next: "Such as npm:plinth-weather, npm:@acme/weather@1.2.0 or npm:@acme/weather@^1.",
  });
