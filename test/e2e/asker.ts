import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buildSync } from "esbuild";
import { root } from "./lab.ts";

const METHODS = {
  "plinth.speech": "speak",
  "plinth.transcription": "transcribe",
  "plinth.image-generation": "generate",
  "plinth.video-generation": "generate",
  "plinth.music-generation": "generate",
};

/** An extension of somebody else that asks whoever is set up, and prints what came. */
const code = buildSync({
  stdin: {
    contents: `import { defineExtension } from "@plinth/sdk";
      export default defineExtension({ activate(ctx) {
        ctx.provide("plinth.cli-command", "asker.ask", { async *run({ args }) {
          const models = ctx.use(args.contract).get("models");
          const items = [];
          for await (const item of models[${JSON.stringify(METHODS)}[args.contract]](JSON.parse(args.input))) items.push(item);
          yield { out: JSON.stringify(items) };
        } });
      } });`,
    resolveDir: root,
  },
  ...{ bundle: true, format: "esm", write: false },
}).outputFiles[0]!.text;

/** Its folder, to be installed: `ask CONTRACT INPUT` then prints the items of the answer as JSON. */
export async function asker(home: string): Promise<string> {
  const args = ["contract", "input"].map((name) => ({ name, summary: name, required: true }));
  const manifest = {
    ...{ id: "acme.asker", version: "1.0.0", title: "Asker", description: "Asks.", license: "MIT" },
    ...{ engines: { plinth: "^0.1.0" }, entry: "./index.js" },
    uses: Object.keys(METHODS).map((contract) => ({ contract, range: "^1" })),
    provides: [{ contract: "plinth.cli-command", version: "1.0.0", id: "asker.ask", descriptor: { path: ["ask"], summary: "Asks.", args } }],
  };
  const dir = join(home, "asker");
  await mkdir(dir);
  await writeFile(join(dir, "plinth.json"), JSON.stringify(manifest));
  await writeFile(join(dir, "index.js"), code);
  return dir;
}
