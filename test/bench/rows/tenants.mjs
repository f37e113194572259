import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { boot, runWork, Work } from "../../../dist/kernel/main.mjs";
import { newHome, root } from "../lab.mjs";
import { install } from "./calls.mjs";

const TENANTS = 20;
/** The same key: they may share a process. */
const SIGNATURE = { keyId: "0123456789abcdef", signature: "not checked by the host: the plugin manager did" };

/** What one more extension costs: an isolate in a process that is there, and a process of its own. Private and shared memory by share. */
export async function measure(row) {
  for (const tier of ["isolate", "process"]) {
    const home = newHome();
    const ids = Array.from({ length: tier === "isolate" ? TENANTS : 5 }, (_, n) => `bench.echo${n}`);
    writeFileSync(join(home, "plinth.json"), JSON.stringify({ extensions: Object.fromEntries(ids.map((id) => [id, { tier }])) }));
    const host = await boot({ dist: join(root, "dist"), home, logLevel: "silent" });
    await runWork(new Work("bench", { role: "owner", via: "bench" }, null), async () => {
      for (const id of ids) await install(host, home, "echo", { id, tool: id.split(".")[1] }, { signature: SIGNATURE });
    });
    await host.stop();
    const fresh = await boot({ dist: join(root, "dist"), home, logLevel: "silent" });
    const sizes = [];
    for (const id of ids) {
      const entry = fresh.current.find("plinth.tool", id.split(".")[1]);
      await entry.by.invoke(entry, "call", { args: { text: "x" } }, {}, null);
      await new Promise((resolve) => setTimeout(resolve, 1_200));
      sizes.push(below(process.pid).reduce((sum, pid) => sum + proportional(pid), 0));
    }
    const each = (sizes.at(-1) - sizes[0]) / (sizes.length - 1);
    row({ what: `memory of one more ${tier}-tier extension (PSS)`, value: each, unit: "MiB" });
    if (tier === "isolate") row({ what: "processes of isolates with the first one and a warm spare (PSS)", value: sizes[0], unit: "MiB" });
    await fresh.stop();
  }
}

function below(pid) {
  const found = [];
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    for (const child of readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter(Boolean)) found.push(child, ...below(child));
  }
  return found;
}

/** MiB; pages that several processes share count by their share. */
function proportional(pid) {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  return Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) / 1_024;
}
