import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readDefiners } from "../contracts/known-contracts.ts";
import type { LiveHost } from "./live-host.ts";

/** Let a live host know the contracts that a project keeps in `contracts/`: each as an extension of that name without its code. */
export async function installContracts(live: LiveHost, project: string): Promise<void> {
  const definers = await readDefiners(project);
  if (definers.length === 0) return;
  const into = await mkdtemp(join(tmpdir(), "plinth-contracts-"));
  try {
    for (const definer of definers) {
      const dir = join(into, definer.id);
      await mkdir(dir);
      await writeFile(join(dir, "plinth.json"), JSON.stringify(definer));
      await live.ask({ op: "install", dir, source: `contract:${definer.id}` });
    }
  } finally {
    await rm(into, { recursive: true, force: true });
  }
}
