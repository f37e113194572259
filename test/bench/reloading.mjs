// A host of its own that reloads one extension 500 times; prints what it cost as JSON. Run with --expose-gc.
import { join } from "node:path";
import { boot, runWork, Work } from "../../dist/kernel/main.mjs";
import { root, treeRss } from "./lab.mjs";
import { install } from "./rows/calls.mjs";

const [home] = process.argv.slice(2);
const host = await boot({ dist: join(root, "dist"), home, logLevel: "silent" });
const settle = async () => {
  await new Promise((resolve) => setTimeout(resolve, 500));
  globalThis.gc();
  return process.memoryUsage.rss() / 1_048_576;
};
await runWork(new Work("bench", { role: "owner", via: "bench" }, null), async () => {
  await install(host, home);
  const admin = host.current.find("plinth.host-admin", null);
  const reload = async () => {
    // Another configuration makes a new instance: a generation and an isolate each time.
    await admin.by.invoke(admin, "configSet", { path: 'extensions["bench.echo"].config.n', value: Math.random() }, {}, null);
    const entry = host.current.find("plinth.tool", "echo");
    await entry.by.invoke(entry, "call", { args: { text: "x" } }, {}, null);
  };
  for (let index = 0; index < 200; index++) await reload();
  const before = await settle();
  const began = performance.now();
  for (let index = 0; index < 500; index++) await reload();
  const each = (performance.now() - began) / 500;
  const after = await settle();
  console.log(JSON.stringify({ growth: after - before, each, tree: treeRss(process.pid) }));
});
await host.stop();
