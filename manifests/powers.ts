import { HOOK_WORDS, PROVIDE_WORDS, SEES, USE_WORDS } from "./power-words.ts";
import type { Manifest, Permissions } from "./schema/extension.ts";

/** Everything an extension may do, in words, one line each: each power by what it amounts to, then what they do together. */
export function describePowers(manifest: Manifest): string[] {
  const { permissions = {}, provides = [], uses = [], hooks = [], extensions = {} } = manifest;
  const lines: string[] = [];
  for (const host of permissions.net ?? []) lines.push(`connect to ${reach(host)}`);
  for (const entry of permissions.fs ?? []) {
    const [name, ro] = [entry.replace(/:ro$/, ""), entry.endsWith(":ro")];
    const what = name === "data" ? "its own folder" : name === "workspace" ? "the workspace" : name;
    lines.push(`${ro ? "read" : "read and write"} ${what}`);
  }
  for (const name of permissions.env ?? []) lines.push(`read the environment variable ${name}`);
  for (const program of permissions.exec ?? []) lines.push(`run ${command(program)}`);
  const receivers = (permissions.net ?? []).includes("*") ? "any host, so to whomever it likes" : "these hosts";
  for (const name of permissions.secrets ?? []) lines.push(`send the secret ${name} to ${receivers} (it never sees it)`);
  for (const role of permissions.principals ?? [])
    lines.push(role === "owner" ? "act for the owner: what it asks for is taken as yours, with its name on it" : "take in work for guests");
  for (const { contract, id, descriptor } of provides) {
    const what = `${contract.replace(/^plinth\./, "")} ${id}`;
    const words = contract === "plinth.http-route" ? route(descriptor) : own(PROVIDE_WORDS, contract);
    lines.push(words === undefined ? `provide ${what}` : `${words} (${what})`);
  }
  for (const { contract } of uses) lines.push(own(USE_WORDS, contract) ?? `use ${contract.replace(/^plinth\./, "")}`);
  for (const { on, failure } of hooks)
    lines.push(`${own(HOOK_WORDS, on) ?? `take part in ${on}`}${failure === "closed" ? " (and stop it when it fails)" : ""}`);
  for (const [id, range] of Object.entries(extensions)) lines.push(`rely on ${id} ${range}`);
  return [...lines, ...together(manifest), ...costs(manifest)];
}

/** What two powers amount to together: what passes through its hands, and where it can carry it. */
function together({ permissions = {}, provides = [], uses = [], hooks = [] }: Manifest): string[] {
  const seen = new Set([
    ...hooks.map(({ on }) => own(SEES.hooks, on)),
    ...uses.map(({ contract }) => own(SEES.uses, contract)),
    ...provides.map(({ contract }) => own(SEES.provides, contract)),
  ]);
  const { net = [], exec = [], fs = [] } = permissions;
  const lines: string[] = [];
  for (const what of seen) {
    if (what === undefined) continue;
    if (net.length > 0) lines.push(`so it can send ${what} to ${net.includes("*") ? "any host" : net.map(reach).join(", ")}`);
    if (exec.length > 0) lines.push(`so it can hand ${what} to programs on this machine`);
    if (fs.some((entry) => !entry.endsWith(":ro") && entry !== "data")) lines.push(`so it can write ${what} into files outside its own folder`);
  }
  if (net.length > 0 && exec.length > 0)
    lines.push(`so it can let programs that it runs connect to ${net.includes("*") ? "any public host" : net.map(reach).join(", ")}`);
  const reads = fs.filter((entry) => entry !== "data" && entry !== "data:ro");
  if (net.length > 0 && reads.length > 0)
    lines.push(`so it can send the files that it reads to ${net.includes("*") ? "any host" : net.map(reach).join(", ")}`);
  return lines;
}

/** Who reaches it, with what, where: a public route is on the network as the gateway is. */
function route(descriptor: unknown): string {
  const { path, methods, auth, websocket } = (typeof descriptor === "object" && descriptor !== null ? descriptor : {}) as Record<string, unknown>;
  const verbs = Array.isArray(methods) ? methods.map(String) : websocket === undefined ? ["GET"] : [];
  const asked = `${[...verbs, ...(websocket === undefined ? [] : ["WebSocket"])].join(", ").slice(0, 100)} ${String(path)
    .slice(0, 200)
    .replace(/[^\x21-\x7e]/g, encodeURIComponent)}`;
  if (auth === "none") return `answer ${asked} to anybody who can reach the gateway, without its token`;
  if (auth === "own") return `answer ${asked} to anybody who can reach the gateway, without its token, and check itself who that is`;
  return `answer ${asked} to whoever has the gateway's token`;
}

const own = (words: Readonly<Record<string, string>>, name: string): string | undefined => (Object.hasOwn(words, name) ? words[name] : undefined);

/** Only what is more than an extension gets that asks for nothing. */
function costs({ tiers = ["isolate", "process"], budgets = {} }: Manifest): string[] {
  const { heapMb = 0, storageMb = 0, cpuMsPerCall = 0, cpuMsPerMinute = 0 } = budgets;
  const lines: string[] = [];
  if (tiers.find((tier) => tier !== "host") === "process") lines.push("run in a process of its own, with the runtime's interfaces");
  if (heapMb > 64) lines.push(`use up to ${heapMb} MiB of memory`);
  if (storageMb > 16) lines.push(`keep up to ${storageMb} MiB`);
  if (cpuMsPerCall > 5_000) lines.push(`compute for up to ${cpuMsPerCall / 1_000} s in one call`);
  if (cpuMsPerMinute > 30_000) lines.push(`use a processor for up to ${cpuMsPerMinute / 1_000} s of each minute`);
  return lines;
}

function reach(pattern: string): string {
  if (pattern === "*") return "any public host";
  if (pattern === "loopback") return "servers on this machine";
  const [scheme, rest] = pattern.includes("://") ? pattern.split("://") : [undefined, pattern];
  return scheme === undefined ? pattern : `${rest} (${scheme} only)`;
}

/** A program alone may be given any arguments; words after it are the arguments, `*` stands for one, at the end for any number. */
function command(pattern: string): string {
  if (pattern === "*") return "any program";
  const words = pattern.split(" ");
  if (words.length === 1) return `${pattern} with any arguments`;
  if (words.at(-1) === "*") return `${words.slice(0, -1).join(" ")} with any further arguments`;
  return `${pattern} (exactly so${words.includes("*") ? ", * is any one argument" : ""})`;
}

/** The manifest's permissions, narrowed by the configuration: both must name a power for it to exist. */
export function effectivePermissions(manifest: Manifest, narrowed: Permissions | undefined): Permissions {
  const declared = manifest.permissions ?? {};
  if (narrowed === undefined) return declared;
  const result: Record<string, string[]> = {};
  for (const [kind, list] of Object.entries(declared)) {
    const allowed = (narrowed as Record<string, string[] | undefined>)[kind] ?? [];
    result[kind] = (list as string[]).filter((one) => allowed.includes(one));
  }
  return result as Permissions;
}
