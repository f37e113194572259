import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { writeTinyGguf } from "../../extensions/providers/node-llama-cpp/tiny-gguf.testing.ts";
import { hasPeer } from "../peers/programs.testing.ts";
import { cleanUp, newHome, plinth, root } from "./lab.ts";

afterEach(cleanUp);

it.runIf(hasPeer("node-llama-cpp") && existsSync("/usr/bin/bwrap"))(
  "a package of the product loads a model of this machine and holds it to a schema",
  async () => {
    const home = await newHome();
    const file = await writeTinyGguf(join(home, "tiny.gguf"));
    const config = { library: join(root, "test/peers"), models: { tiny: { file } }, threads: 1 };
    await writeFile(join(home, "plinth.json"), JSON.stringify({ extensions: { "plinth.node-llama-cpp": { config } } }));
    const installed = await plinth(home, ["plugins", "install", "plinth.node-llama-cpp", "--yes"]);
    expect(installed).toMatchObject({ code: 0 });
    const checked = await plinth(home, ["models", "check", "node-llama-cpp", "--only", "JSON"]);
    expect(checked.stdout).toMatch(/^ok +JSON by a schema/m);
    const inspected = JSON.parse((await plinth(home, ["plugins", "inspect", "plinth.node-llama-cpp", "--json"])).stdout);
    expect(inspected.status).toMatchObject({ own: true, tier: "host" });
  },
  120_000,
);
