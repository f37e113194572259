import { join } from "node:path";
import { boot, runWork, Work } from "../../../dist/kernel/main.mjs";
import { newHome, root, treeRss } from "../lab.mjs";
import { install } from "./calls.mjs";

/** Disable and enable one active extension 250 times: 500 generations, 250 processes. */
export async function measure(row) {
  const home = newHome();
  const host = await boot({ dist: join(root, "dist"), home, logLevel: "silent" });
  await runWork(new Work("bench", { role: "owner", via: "bench" }, null), async () => {
    await install(host, home);
    const admin = host.current.find("plinth.host-admin", null);
    const reload = async () => {
      await admin.by.invoke(admin, "configSet", { path: 'extensions["bench.echo"].config.n', value: Math.random() }, {}, null);
      const entry = host.current.find("plinth.tool", "echo");
      await entry.by.invoke(entry, "call", { args: { text: "x" } }, {}, null);
    };
    for (let index = 0; index < 30; index++) await reload();
    globalThis.gc?.();
    const before = process.memoryUsage.rss();
    const began = performance.now();
    for (let index = 0; index < 500; index++) await reload();
    const each = (performance.now() - began) / 500;
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 300));
    row({
      what: "500 reloads of one extension, RSS growth of the host",
      value: Math.max(0, (process.memoryUsage.rss() - before) / 1_048_576),
      unit: "MiB",
      budget: 8,
    });
    row({ what: "one reload with its next call (process tier)", value: each, unit: "ms" });
    row({ what: "process tree after the reloads", value: treeRss(process.pid), unit: "MiB" });
  });
  await host.stop();
}
