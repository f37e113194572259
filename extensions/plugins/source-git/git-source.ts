import { spawn } from "node:child_process";
import { lstat, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Call, type Context, PlinthError, type Provider } from "@plinth/sdk";
import { parseGitSpec, protocolOf } from "./spec.ts";

const LIMIT_MS = 100_000;
/** Of an archive of one commit. */
const MAX_BYTES = 64 * 1024 * 1024;
/** Of all that a fetch brings, which is compressed and holds one commit. */
const MAX_FETCHED = 256 * 1024 * 1024;
const LOOK_MS = 250;
/** No hook, no watcher, and no way to another place than the one that was named. */
const SAFE = ["core.hooksPath=/dev/null", "core.fsmonitor=false", "http.followRedirects=false", "protocol.ext.allow=never"].flatMap((one) => [
  "-c",
  one,
]);

interface Place {
  readonly cwd: string;
  readonly protocol: string;
}

/**
 * A folder of one commit. The repository is fetched without a work tree and read with `git archive`: no checkout, so no
 * hook, filter or submodule of it ever runs. The lockfile gets the commit, whatever was asked for.
 */
export function gitSource(ctx: Context): Provider<"plinth.plugin-source"> {
  return {
    async fetch({ spec, cwd, into }, call: Call) {
      if (call.work?.principal.role !== "owner")
        throw new PlinthError("PLINTH_NOT_OWNER", "Only the owner of this host may fetch extensions.", { next: "Ask the owner to do it." });
      const { repository, ref, folder } = parseGitSpec(spec);
      const dir = await mkdtemp(join(ctx.dataDir, "fetched-"));
      const signal = AbortSignal.any([call.signal, AbortSignal.timeout(LIMIT_MS)]);
      const place = { cwd: join(dir, "repository"), protocol: protocolOf(repository) };
      const git = (...args: string[]): Promise<Buffer> => run(ctx, args, place, signal);
      try {
        const tree = join(dir, "tree");
        await mkdir(join(dir, "repository"));
        await mkdir(tree);
        await git("init", "--quiet", "--bare", ".");
        await git("fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--", repository, ref);
        const commit = String(await git("rev-parse", "--verify", "FETCH_HEAD^{commit}")).trim();
        // Of the tree: an archive of a commit begins with a comment that is no file.
        const archive = await git("archive", "--format=tar.gz", "--prefix=package/", `${commit}:${folder}`);
        const { extractArchive } = await import("@plinth/registry");
        await extractArchive(archive, tree, { signal, about: `What ${repository} holds` });
        await ctx.use("plinth.plugin-source").get("folder").fetch({ spec: tree, cwd, into }, { signal });
        return { source: `git:${repository}#${commit}${folder === "" ? "" : `:${folder}`}` };
      } finally {
        await rm(dir, { recursive: true, force: true });
      }
    },
  };
}

/** The variables that say how this machine's network is left, and who is trusted in it: libcurl reads them for git. */
const WAY_OUT = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"].flatMap((name) => [name, name.toLowerCase()]);

function wayOut(env: Readonly<Partial<Record<string, string>>>): Record<string, string> {
  const authorities = env.GIT_SSL_CAINFO ?? env.SSL_CERT_FILE;
  const given = WAY_OUT.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]]));
  return { ...Object.fromEntries(given), ...(authorities === undefined ? {} : { GIT_SSL_CAINFO: authorities }) };
}

/** What it prints; nothing of the user's own configuration takes part but the way to their keys. */
function run(ctx: Context, args: string[], { cwd, protocol }: Place, signal: AbortSignal): Promise<Buffer> {
  const { PATH = "/usr/local/bin:/usr/bin:/bin", SSH_AUTH_SOCK } = ctx.env;
  const env = {
    PATH,
    HOME: cwd,
    LANG: "C.UTF-8",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_TERMINAL_PROMPT: "0",
    GIT_ALLOW_PROTOCOL: protocol,
    GIT_SSH_COMMAND: "ssh -oBatchMode=yes -oStrictHostKeyChecking=yes",
    GIT_LFS_SKIP_SMUDGE: "1",
    ...wayOut(ctx.env),
    ...(SSH_AUTH_SOCK === undefined ? {} : { SSH_AUTH_SOCK }),
  };
  return new Promise((resolve, reject) => {
    const child = spawn("git", [...SAFE, ...args], {
      cwd,
      env,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
      windowsHide: true,
    });
    const chunks: Buffer[] = [];
    let bytes = 0;
    let said = "";
    let tooMuch = false;
    const size = setInterval(async () => {
      tooMuch ||= (await sizeOf(cwd)) > MAX_FETCHED;
      if (tooMuch) end();
    }, LOOK_MS);
    const end = (): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      } catch {
        // The group is gone already.
      }
    };
    signal.addEventListener("abort", end, { once: true });
    child.stdout.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_BYTES) end();
      else chunks.push(chunk);
    });
    child.stderr.on("data", (chunk: Buffer) => {
      said = (said + chunk.toString("utf8")).slice(-2_000);
    });
    child.on("error", (error: NodeJS.ErrnoException) => {
      const missing = error.code === "ENOENT";
      clearInterval(size);
      reject(failed(args, missing ? "git is not installed" : error.message, missing ? "Install git." : "Try again."));
    });
    child.on("close", (code) => {
      clearInterval(size);
      signal.removeEventListener("abort", end);
      if (signal.aborted) reject(failed(args, `it took longer than ${LIMIT_MS / 1000} s, or was cancelled`, "Try again."));
      else if (tooMuch)
        reject(failed(args, `it sends more than ${MAX_FETCHED / 1_048_576} MiB`, "Ask its owner for a smaller repository, or for a package."));
      else if (bytes > MAX_BYTES)
        reject(failed(args, `it holds more than ${MAX_BYTES / 1_048_576} MiB`, "Name the extension's folder after the ref."));
      else if (code === 0) resolve(Buffer.concat(chunks));
      else
        reject(
          failed(args, withoutPasswords(said).trim().split("\n").at(-1) || `git ended with ${code}`, "Check the address, the ref and the folder."),
        );
    });
  });
}

/** A proxy's address that cannot be used is told with all that stands in it. */
const withoutPasswords = (text: string): string => text.replace(/\/\/[^\s/'"]*@/g, "//");

/** Bytes of all files in a folder; what goes while it is looked at counts nothing. */
async function sizeOf(dir: string): Promise<number> {
  const names = await readdir(dir, { recursive: true }).catch(() => []);
  const sizes = await Promise.all(
    names.map((name) =>
      lstat(join(dir, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, one) => sum + one, 0);
}

const failed = (args: readonly string[], why: string, next: string): PlinthError =>
  new PlinthError("PLINTH_GIT", `\`git ${args[0]}\` failed: ${why.slice(0, 500)}.`, { next });
