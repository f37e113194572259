import { execFile } from "node:child_process";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { packFiles, publishRemotely } from "../../../registry/index.ts";
import { startTestRegistry, stopTestRegistries } from "../../../registry/server/server.testing.ts";
import { cleanEnv, newHome, node, plinth } from "../lab.mjs";

const PACKAGES = 50;

/** What a user waits for: 50 extensions from a registry over HTTP, chosen by the solver, then by the lockfile, then again. */
export async function measure(row) {
  const registry = await startTestRegistry();
  const key = await registry.publisher("bench", "ann");
  const remote = registry.remote(await registry.token("ann"));
  const others = Array.from({ length: PACKAGES - 1 }, (_, n) => `bench.part${n}`);
  for (const id of [...others, "bench.all"]) {
    const manifest = {
      ...{ id, version: "1.0.0", title: id, description: "For a benchmark.", license: "MIT", engines: { plinth: "^0.1.0" }, entry: "./index.js" },
      ...(id === "bench.all" ? { extensions: Object.fromEntries(others.map((one) => [one, "^1"])) } : {}),
    };
    const code = `export default { plinth: 1, start: async () => ({ stop() {} }) };\n// ${id}\n${"// some more bytes, as a bundle has them\n".repeat(500)}`;
    await publishRemotely(
      remote,
      await packFiles([
        ["plinth.json", JSON.stringify(manifest)],
        ["index.js", code],
      ]),
      key,
    );
  }
  const env = { ...cleanEnv(), PLINTH_REGISTRY: registry.url };
  const [first, second] = [newHome(), newHome()];
  const cold = await timed(first, env, ["plugins", "install", "bench.all", "--yes"]);
  row({ what: `install ${PACKAGES} extensions as one set over HTTP, cold: resolve, fetch, verify, try, swap`, value: cold, unit: "ms" });
  const lock = join(second, "wanted.lock");
  copyFileSync(join(first, "plinth.lock"), lock);
  row({
    what: "the same on another host from the lockfile (--frozen), cold",
    value: await timed(second, env, ["plugins", "install", "--frozen", lock, "--yes"]),
    unit: "ms",
  });
  row({ what: "the same again, warm", value: await timed(second, env, ["plugins", "install", "--frozen", lock, "--yes"]), unit: "ms" });
  await stopTestRegistries();
}

function timed(home, env, args) {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    execFile(node, [plinth, ...args], { env: { ...env, PLINTH_HOME: home }, timeout: 300_000 }, (error, stdout, stderr) => {
      if (error === null) resolve(performance.now() - began);
      else reject(new Error(`plinth ${args.join(" ")}: ${stderr}${stdout}`));
    });
  });
}
