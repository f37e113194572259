import { type Client, type Context, errorInfo, type Manifest } from "@plinth/sdk";
import { budgetLine, costs } from "./costs.ts";
import { endOf, type Grant, minute, placeOf } from "./grants/grant.ts";
import { manifestOf } from "./market/built-in.ts";
import type { Operation } from "./operation.ts";
import { type Block, code, safe } from "./report.ts";
import { isOwnPackage, readWorld } from "./world.ts";

type Description = Awaited<ReturnType<Client<"plinth.host">["describe"]>>;

/** One of the product's own packages, from its manifest. */
interface NotInstalled {
  status: { id: string; version: string; title: string; own: true; state: "not installed" };
  manifest: Manifest;
  /** What installs it. */
  install: string;
}

export function inspect(ctx: Context): Operation {
  return {
    name: "inspect",
    summary: "Show what an extension is, what it may do and what holds it",
    access: "anyone",
    args: [{ name: "id", summary: "Such as demo.dice", required: true }],
    examples: ["inspect demo.dice"],
    // biome-ignore lint/correctness/useYield: there is nothing to say on the way
    async *run({ input, requester, signal }): AsyncGenerator<string, Description | NotInstalled> {
      const id = String(input.id);
      try {
        return await ctx.use("plinth.host").one().describe({ id }, { signal });
      } catch (thrown) {
        if (errorInfo(thrown).code !== "PLINTH_NOT_INSTALLED" || !isOwnPackage(await readWorld(ctx), id)) throw thrown;
        const manifest = await manifestOf(id);
        const install = `${requester.surface === "chat" ? "/plugins" : "plinth plugins"} install ${id}`;
        return { status: { id, version: manifest.version, title: manifest.title, own: true, state: "not installed" }, manifest, install };
      }
    },
    report: (found: Description | NotInstalled) => ({ blocks: "install" in found ? offerOf(found) : blocksOf(found, ctx.clock.now()) }),
  };
}

function offerOf({ status, manifest, install }: NotInstalled): Block[] {
  const keys = configKeys(manifest.config);
  const blocks: Block[] = [
    { text: `${code(status.id)} ${safe(status.version)}: ${safe(status.title, 80)}` },
    ...(manifest.description ? [{ text: safe(manifest.description, 400) }] : []),
    {
      facts: [
        ["State", "built in, not installed"],
        [
          "Tier",
          (manifest.tiers ?? []).includes("host") ? "host, as a part of the product" : (manifest.tiers ?? ["isolate", "process"]).join(" or "),
        ],
        ["License", manifest.license ?? "not stated"],
        ["Configuration", keys.length > 0 ? keys.join(", ") : "none"],
      ],
    },
  ];
  declared(blocks, manifest);
  return [...blocks, { text: `Install it, from this disk: ${code(install)}` }];
}

/** What a manifest says of what it is connected with. */
function declared(blocks: Block[], manifest: Manifest): void {
  section(blocks, "Provides", grouped(manifest));
  section(
    blocks,
    "Uses",
    (manifest.uses ?? []).map(({ contract, range, optional }) => `${contract} ${range}${optional ? " (optional)" : ""}`),
  );
  section(
    blocks,
    "Hooks",
    (manifest.hooks ?? []).map(({ on, stage }) => `${on}${stage ? ` (${stage})` : ""}`),
  );
  section(blocks, "Permissions", permissionLines(manifest.permissions), "none beyond its own code");
}

function blocksOf(description: Description, now: number): Block[] {
  const { status, manifest: told, lock: locked, grant, enforcement, missing } = description;
  const manifest = told as Manifest;
  const lock = (locked ?? {}) as { source?: string; digest?: string; signature?: { keyId?: string }; pinnedBy?: string; reason?: string };
  const facts: [string, string][] = [
    ["State", `${status.state}${status.bundled ? ", bundled with the product" : status.own ? ", installed from the product's own packages" : ""}`],
    ["Tier", `${status.tier}; ${ENFORCED[enforcement.level]}`],
    ["License", manifest.license ?? "not stated"],
  ];
  if (!status.bundled) {
    facts.push(["Source", lock.source ?? "unknown"], ["Digest", lock.digest ? `${lock.digest.slice(0, 16)}…` : "unknown"]);
    facts.push([
      "Signed by",
      status.own ? "the product names exactly these bytes" : lock.signature?.keyId ? `key ${lock.signature.keyId}` : "nobody",
    ]);
    if (lock.pinnedBy) facts.push(["Pinned by", `${lock.pinnedBy}${lock.reason ? ` (${lock.reason})` : ""}`]);
  }
  if (!status.bundled) facts.push(["Grant", grant === undefined ? "none" : grantLine(grant as Grant, now)]);
  const keys = configKeys(manifest.config);
  facts.push(["Configuration", keys.length > 0 ? keys.join(", ") : "none"]);
  facts.push(["Budgets", budgetLine(manifest.budgets, description.usage)], ...costs(description.usage));
  const blocks: Block[] = [
    { text: `${code(status.id)} ${safe(status.version)}: ${safe(status.title, 80)}` },
    ...(manifest.description ? [{ text: safe(manifest.description, 400) }] : []),
    { facts },
  ];
  section(blocks, "What holds it", enforcement.detail);
  if (status.fault) {
    const { code: word, phase, message, next } = status.fault;
    const items = [`${word} in ${phase}: ${message}`, ...history(status.fault), ...(next ? [`Next: ${next}`] : [])];
    blocks.push({ title: "At fault" }, { items });
  }
  declared(blocks, manifest);
  section(blocks, "Not set", [
    ...(missing?.secrets ?? []).map((name) => `the secret ${name}`),
    ...(missing?.env ?? []).map((name) => `the environment variable ${name}`),
  ]);
  return blocks;
}

const ENFORCED = {
  full: "enforced here in full",
  partial: "enforced here in part",
  none: "nothing is enforced here",
};

function grantLine(grant: Grant, now: number): string {
  return `holds ${placeOf(grant) === "everywhere" ? "everywhere" : `in ${placeOf(grant)} only`}, ${endOf(grant, now)}; given ${minute(grant.at)} by ${grant.by}`;
}

function history({ at, count, retryAt }: NonNullable<Description["status"]["fault"]>): string[] {
  if (at === 0) return [];
  const again = retryAt === undefined ? "not tried again before an owner enables it" : `tried again after ${minute(retryAt)}`;
  return [`${count === 1 ? "Once" : `${count} times`}, last at ${minute(at)}; ${again}`];
}

function section(blocks: Block[], title: string, items: string[], none?: string): void {
  if (items.length > 0) blocks.push({ title }, { items });
  else if (none) blocks.push({ title }, { items: [none] });
}

function grouped(manifest: Manifest): string[] {
  const ids = new Map<string, string[]>();
  for (const { contract, id } of manifest.provides ?? []) ids.set(contract, [...(ids.get(contract) ?? []), id]);
  return [...ids].map(([contract, names]) => `${contract}: ${names.join(", ")}`);
}

const POWERS: { [permission: string]: string } = {
  net: "may reach",
  fs: "may use the folders",
  env: "may read the environment variables",
  exec: "may run",
  secrets: "may have the host send these secrets on its behalf",
  principals: "may act for",
};

function permissionLines(permissions: Manifest["permissions"]): string[] {
  return Object.entries(permissions ?? {}).flatMap(([name, values]) =>
    values && values.length > 0 ? [`${POWERS[name] ?? name}: ${values.join(", ")}`] : [],
  );
}

function configKeys(schema: unknown): string[] {
  return Object.keys((schema as { properties?: object } | undefined)?.properties ?? {});
}
