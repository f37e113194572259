import { join } from "node:path";
import { build } from "esbuild";
import { AsyncSeriesHook } from "tapable";
import { newHome, root } from "../lab.mjs";

/** Ten async taps, wrapped (owner, deadline, breaker, isolation), against tapable's own bare hook. */
export async function measure(row) {
  const out = join(newHome(), "pipeline.mjs");
  await build({
    stdin: {
      contents: 'export * from "./manifests/hooks/pipeline.ts"; export * from "./manifests/wire/breaker.ts";',
      resolveDir: root,
      loader: "ts",
    },
    bundle: true,
    format: "esm",
    platform: "node",
    outfile: out,
    logLevel: "error",
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
  });
  const { Pipeline, Breaker } = await import(out);
  const bare = new AsyncSeriesHook(["payload"]);
  for (let index = 0; index < 10; index++) bare.tapPromise(String(index), async () => {});
  const taps = Array.from({ length: 10 }, (_, index) => ({
    extension: `bench.tap-${index}`,
    stage: "normal",
    deadlineMs: 5_000,
    closed: false,
    breaker: new Breaker(),
    counts: { calls: 0, errors: 0 },
    run: async () => undefined,
    failed() {},
  }));
  const wrapped = new Pipeline({ name: "bench.hook", contract: "bench", mode: "transform", deadlineMs: 5_000, failure: "open" }, taps);
  const perCall = async (fire) => {
    for (let index = 0; index < 20_000; index++) await fire();
    const samples = [];
    for (let round = 0; round < 7; round++) {
      const began = performance.now();
      for (let index = 0; index < 20_000; index++) await fire();
      samples.push(((performance.now() - began) / 20_000) * 1_000);
    }
    return samples.sort((a, b) => a - b)[3];
  };
  const payload = { text: "hello" };
  row({ what: "tapable bare, 10 async taps", value: await perCall(() => bare.promise(payload)), unit: "µs" });
  row({
    what: "hook, 10 in-process async taps, wrapped",
    value: await perCall(() => wrapped.fire("bench", payload, undefined)),
    unit: "µs",
    budget: 4,
  });
}
