import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Manifest } from "@plinth/sdk";
import type { World } from "../world.ts";
import { addressOf, BUILT_IN } from "./settings.ts";

/** One of the product's own packages, installed or not. */
export interface Offered {
  id: string;
  version: string;
  title: string;
  description: string;
}

/** The product's own packages that are not installed. Read as data: these files are the product's own. */
export async function offeredIn({ packages, installed, bundled }: Pick<World, "packages" | "installed" | "bundled">): Promise<Offered[]> {
  const ids = Object.keys(packages).filter((id) => !installed.has(id) && !bundled.has(id));
  if (ids.length === 0) return [];
  const { packages: rows } = JSON.parse(await readFile(join(addressOf(BUILT_IN), "search.json"), "utf8")) as { packages: Offered[] };
  return rows.filter(({ id }) => ids.includes(id)).map(({ id, version, title, description }) => ({ id, version, title, description }));
}

/** What one of the product's own packages says of itself. */
export async function manifestOf(id: string): Promise<Manifest> {
  const [publisher = "", name = ""] = id.split(".");
  const text = await readFile(join(addressOf(BUILT_IN), "packages", publisher, `${name}.json`), "utf8");
  const { versions } = JSON.parse(text) as { versions: { manifest: Manifest }[] };
  return versions.at(-1)?.manifest as Manifest;
}

/** Which of the product's packages that are not installed would fetch what is written like this; undefined: none. */
export async function fetcherOf(scheme: string, world: World): Promise<string | undefined> {
  for (const { id } of await offeredIn(world)) {
    const { provides = [] } = await manifestOf(id);
    const isIt = ({ contract, descriptor }: (typeof provides)[number]) =>
      contract === "plinth.plugin-source" && (descriptor as { scheme?: string } | undefined)?.scheme === scheme;
    if (provides.some(isIt)) return id;
  }
  return undefined;
}
