import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { boot, runWork, Work } from "../../../dist/kernel/main.mjs";
import { median, newHome, onOneCore, root } from "../lab.mjs";
import { install } from "./calls.mjs";

const ROUNDS = 9;
const PUBLISHERS = ["bench", "other"];

/** The first call of an isolate-tier extension in a fresh host, and of another publisher's when a warm child waits. */
export const measure = (row) => onOneCore(() => measurePinned(row));

async function measurePinned(row) {
  const home = newHome();
  const tiers = Object.fromEntries(PUBLISHERS.map((publisher) => [`${publisher}.echo`, { tier: "isolate" }]));
  writeFileSync(join(home, "plinth.json"), JSON.stringify({ extensions: tiers }));
  await withHost(home, async (host) => {
    for (const publisher of PUBLISHERS) await install(host, home, "echo", { id: `${publisher}.echo`, tool: `${publisher}-echo` });
  });
  const times = { cold: [], warm: [] };
  for (let round = 0; round < ROUNDS; round++) {
    await withHost(home, async (host) => {
      times.cold.push(await firstCall(host, "bench-echo"));
      // A warm child for the next one starts a moment after the first.
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      times.warm.push(await firstCall(host, "other-echo"));
    });
  }
  row({ what: "activate one isolate-tier extension and call it, child warm", value: median(times.warm), unit: "ms", budget: 15 });
  row({ what: "the same, child cold", value: median(times.cold), unit: "ms", budget: 150 });
}

async function withHost(home, body) {
  const host = await boot({ dist: join(root, "dist"), home, logLevel: "silent" });
  await runWork(new Work("bench", { role: "owner", via: "bench" }, null), () => body(host));
  await host.stop();
}

async function firstCall(host, id) {
  const began = performance.now();
  const entry = host.current.find("plinth.tool", id);
  await entry.by.invoke(entry, "call", { args: { text: "x" } }, {}, null);
  return performance.now() - began;
}
