import type { Client, Context, Manifest } from "@plinth/sdk";
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
    report: (description: Description) => ({ blocks: blocksOf(description) }),
  };
}

function blocksOf({ status, manifest: told, lock: locked, enforcement }: Description): Block[] {
  const manifest = told as Manifest;
  const lock = (locked ?? {}) as { source?: string; digest?: string; signature?: { keyId?: string }; pinnedBy?: string; reason?: string };
  const facts: [string, string][] = [
    ["State", `${status.state}${status.bundled ? ", bundled with the product" : ""}`],
    ["Tier", `${status.tier}; enforcement ${enforcement.level}: ${enforcement.detail.join("; ")}`],
    ["License", manifest.license ?? "not stated"],
  ];
  if (!status.bundled) {
    facts.push(["Source", lock.source ?? "unknown"], ["Digest", lock.digest ? `${lock.digest.slice(0, 16)}…` : "unknown"]);
    facts.push(["Signed by", lock.signature?.keyId ? `key ${lock.signature.keyId}` : "nobody"]);
    if (lock.pinnedBy) facts.push(["Pinned by", `${lock.pinnedBy}${lock.reason ? ` (${lock.reason})` : ""}`]);
  }
  const keys = configKeys(manifest.config);
  facts.push(["Configuration", keys.length > 0 ? keys.join(", ") : "none"]);
  facts.push([
    "Budgets",
    Object.entries(manifest.budgets ?? {})
      .map(([name, value]) => `${name} ${value}`)
      .join(", ") || "the host's defaults",
  ]);
  const blocks: Block[] = [
    { text: `${code(status.id)} ${safe(status.version)}: ${safe(status.title, 80)}` },
    ...(manifest.description ? [{ text: safe(manifest.description, 400) }] : []),
    { facts },
  ];
  if (status.fault) {
    const { code: word, phase, message, next } = status.fault;
    blocks.push({ title: "At fault" }, { items: [`${word} in ${phase}: ${message}`, ...(next ? [`Next: ${next}`] : [])] });
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
  return blocks;
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
