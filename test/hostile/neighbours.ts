import type { Client } from "../e2e/lab.ts";
import type { PackageParts, Tier } from "./case.ts";
import { makeArchive } from "./package.ts";

/** Harmless extensions, one in each tier, that everybody uses while attacks run. */
export const NEIGHBOURS: readonly { id: string; tool: string; tier: Tier }[] = [
  { id: "neighbour.process", tool: "neighbour-process", tier: "process" },
  { id: "neighbour.isolate", tool: "neighbour-isolate", tier: "isolate" },
];

/** The first one keeps `secret` in its folder, both keep it in their stores. */
export async function settleIn(client: Client, desk: string, secret: string): Promise<void> {
  for (const identity of NEIGHBOURS) {
    const archive = await makeArchive(desk, partsOf(identity.tier, secret), identity);
    const { code } = await client.request("plugins.install", { spec: archive });
    await client.request("plugins.confirm", { code });
  }
}

export async function moveOut(client: Client): Promise<void> {
  for (const { id } of NEIGHBOURS) await client.request("plugins.uninstall", { id });
}

const partsOf = (tier: Tier, secret: string): PackageParts => ({
  activate: `await ctx.store.set("secret", ${JSON.stringify(secret)});${tier === "process" ? HIDE(secret) : ""}`,
  code: `const kept = (await ctx.store.get("secret"))?.length;
    await new Promise((resolve) => setTimeout(resolve, 2));
    return say("well " + kept + " " + input.args.n);`,
  ...(tier === "process" ? { top: 'import { writeFileSync } from "node:fs";', manifest: { permissions: { fs: ["data"] } } } : {}),
});

const HIDE = (secret: string): string => `writeFileSync(ctx.dataDir + "/secret.txt", ${JSON.stringify(secret)});`;
