import type { Client, Context, Manifest } from "@plinth/sdk";
import { budgetLine, costs } from "./costs.ts";
import { endOf, type Grant, minute, placeOf } from "./grants/grant.ts";
import type { Operation } from "./operation.ts";
import { type Block, code, safe } from "./report.ts";

type Description = Awaited<ReturnType<Client<"plinth.host">["describe"]>>;

export function inspect(ctx: Context): Operation {
  return {
    name: "inspect",
    summary: "Show what an extension is, what it may do and what holds it",
    access: "anyone",
    args: [{ name: "id", summary: "Such as demo.dice", required: true }],
    examples: ["inspect demo.dice"],
    // biome-ignore lint/correctness/useYield: there is nothing to say on the way
    async *run({ input, signal }) {
      return await ctx
        .use("plinth.host")
        .one()
        .describe({ id: String(input.id) }, { signal });
    },
    report: (description: Description) => ({ blocks: blocksOf(description, ctx.clock.now()) }),
  };
}

function blocksOf(description: Description, now: number): Block[] {
  const { status, manifest: told, lock: locked, grant, enforcement, missing } = description;
  const manifest = told as Manifest;
  const lock = (locked ?? {}) as { source?: string; digest?: string; signature?: { keyId?: string }; pinnedBy?: string; reason?: string };
  const facts: [string, string][] = [
    ["State", `${status.state}${status.bundled ? ", bundled with the product" : ""}`],
    ["Tier", `${status.tier}; ${ENFORCED[enforcement.level]}`],
    ["License", manifest.license ?? "not stated"],
  ];
  if (!status.bundled) {
    facts.push(["Source", lock.source ?? "unknown"], ["Digest", lock.digest ? `${lock.digest.slice(0, 16)}…` : "unknown"]);
    facts.push(["Signed by", lock.signature?.keyId ? `key ${lock.signature.keyId}` : "nobody"]);
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
