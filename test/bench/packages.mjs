// Packages that the rows install: manifest-only ones by the hundred, and one small tool.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { boot, runWork, Work } from "../../dist/kernel/main.mjs";

/** Install `count` data-only extensions into a home, through the same pipeline as everything else. */
export async function installData(dist, home, count) {
  const host = await boot({ dist, home, logLevel: "silent" });
  const work = new Work("bench", { role: "owner", via: "bench" }, null);
  await runWork(work, async () => {
    const entry = host.current.find("plinth.host-admin", null);
    const ask = (method, input) => entry.by.invoke(entry, method, input, {}, null);
    for (let index = 0; index < count; index++) {
      const dir = join(home, "bench-packages", String(index));
      mkdirSync(dir, { recursive: true });
      writeFileSync(join(dir, "plinth.json"), JSON.stringify(dataManifest(index)));
      const candidate = await ask("inspect", { dir });
      await ask("install", {
        dir,
        digest: candidate.digest,
        consent: candidate.consent.hash,
        source: `folder:${dir}`,
        pinnedBy: "operator",
        reason: "benchmark",
      });
    }
  });
  await host.stop();
}

const dataManifest = (index) => ({
  id: `bench.data-${index}`,
  version: "1.0.0",
  title: `Data ${index}`,
  description: "An extension that is only a manifest.",
  engines: { plinth: "^0.1.0" },
  permissions: { net: ["api.example"] },
  provides: [
    {
      contract: "plinth.model-vendor",
      version: "1.0.0",
      id: `data-${index}`,
      descriptor: {
        title: `Data ${index}`,
        api: "openai-chat",
        priority: 5,
        baseUrls: { default: "https://api.example/v1" },
        auth: [{ kind: "none" }],
      },
    },
  ],
});
