import { join } from "node:path";
import { build } from "esbuild";
import { expect, it } from "vitest";

it("loads none of AWS's libraries before a request needs them", async () => {
  const { metafile } = await build({
    entryPoints: [join(import.meta.dirname, "index.ts")],
    ...{ bundle: true, splitting: true, write: false, metafile: true, format: "esm", platform: "node", conditions: ["development"] },
    outdir: "out",
    logLevel: "error",
  });
  const outputs = Object.entries(metafile.outputs);
  const [entry] = outputs.find(([, { entryPoint }]) => entryPoint?.endsWith("api-bedrock/index.ts"))!;
  const reached = new Set([entry]);
  for (const path of reached)
    for (const one of metafile.outputs[path]!.imports) if (one.kind === "import-statement" && metafile.outputs[one.path]) reached.add(one.path);
  const loaded = [...reached].flatMap((path) => Object.keys(metafile.outputs[path]!.inputs));
  expect(loaded.filter((path) => /node_modules/.test(path))).toEqual([]);
  expect(outputs.flatMap(([, { inputs }]) => Object.keys(inputs)).some((path) => path.includes("@smithy/signature-v4"))).toBe(true);
});
