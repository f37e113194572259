import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { boot, runWork, Work } from "../../../dist/kernel/main.mjs";
import { newHome, onOneCore, quantile, root } from "../lab.mjs";

/** Calls of the same package in each tier, host and guest on one core. */
export const measure = (row) => onOneCore(() => measurePinned(row));

async function measurePinned(row) {
  for (const [tier, p50Budget, rateBudget] of [
    ["host", 1, 40_000],
    ["isolate", 150, 50_000],
    ["process", 100, 50_000],
  ]) {
    const home = newHome();
    const config = { extensions: { "bench.echo": { tier } } };
    writeFileSync(join(home, "plinth.json"), JSON.stringify(config));
    const host = await boot({ dist: join(root, "dist"), home, logLevel: "silent" });
    await runWork(new Work("bench", { role: "owner", via: "bench" }, null), async () => {
      await install(host, home);
      const call = () => {
        const entry = host.current.find("plinth.tool", "echo");
        return entry.by.invoke(entry, "call", { args: { text: "x".repeat(60) } }, {}, null);
      };
      for (let index = 0; index < 20_000; index++) await call();
      const times = [];
      const batch = tier === "host" ? 100 : 1;
      for (let index = 0; index < 3_000; index++) {
        const began = performance.now();
        for (let inner = 0; inner < batch; inner++) await call();
        times.push(((performance.now() - began) / batch) * 1_000);
      }
      row({ what: `capability call, ${tier} tier, 100 B, p50`, value: quantile(times, 0.5), unit: "µs", budget: p50Budget });
      const began = performance.now();
      await Promise.all(
        Array.from({ length: 64 }, async () => {
          for (let index = 0; index < 1_500; index++) await call();
        }),
      );
      row({
        what: `capability calls, ${tier} tier, 64 in flight`,
        value: 96_000 / ((performance.now() - began) / 1_000),
        unit: "calls/s",
        budget: rateBudget,
        better: "higher",
      });
    });
    await host.stop();
  }
}

/** Bundle a benchmark extension and install it, as its author and its user would; under another name when `as` has one. */
export async function install(host, home, name = "echo", as = { id: `bench.${name}`, tool: name }, more = {}) {
  const source = join(root, "test/fixtures/bench", name);
  const dir = join(home, "packages", as.id);
  mkdirSync(dir, { recursive: true });
  const named = (text) => text.replaceAll(`"bench.${name}"`, `"${as.id}"`).replaceAll(`"${name}"`, `"${as.tool}"`);
  writeFileSync(join(dir, "plinth.json"), named(readFileSync(join(source, "plinth.json"), "utf8")));
  const { outputFiles } = await build({
    entryPoints: [join(source, "src/index.ts")],
    write: false,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node26",
    logLevel: "error",
  });
  writeFileSync(join(dir, "index.js"), named(outputFiles[0].text));
  const entry = host.current.find("plinth.host-admin", null);
  const ask = (method, input) => entry.by.invoke(entry, method, input, {}, null);
  const { digest, consent } = await ask("inspect", { dir });
  await ask("install", { dir, digest, consent: consent.hash, source: `folder:${dir}`, pinnedBy: "operator", reason: "benchmark", ...more });
}
