import { copyFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTestHost, type ScriptedProvider } from "@plinth/sdk/testing";
import { build } from "esbuild";
import gateway from "../gateway/index.ts";
import gatewayManifest from "../gateway/plinth.json" with { type: "json" };
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

/** Bundle the page as the build does, into a folder that `dispose` removes. */
export async function bundlePage(): Promise<{ dir: string; dispose(): Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), "plinth-page-"));
  const page = join(import.meta.dirname, "page");
  await build({ entryPoints: [join(page, "main.ts")], bundle: true, minify: true, format: "esm", target: "es2022", outfile: join(dir, "main.js") });
  await build({ entryPoints: [join(page, "style.css")], bundle: true, minify: true, outfile: join(dir, "style.css") });
  await copyFile(join(page, "index.html"), join(dir, "index.html"));
  return { dir, dispose: () => rm(dir, { recursive: true, force: true }) };
}

/** The page behind a real gateway, with scripted methods. */
export async function servePage(assets: string, provide: ScriptedProvider[], port = 0) {
  const host = await createTestHost({
    extensions: [
      { manifest: gatewayManifest, extension: gateway, config: { port } },
      { manifest, extension, env: { PLINTH_WEBCHAT_ASSETS: assets } },
    ],
    provide,
  });
  await host.use("plinth.service").get("gateway").start({});
  const running = await readFile(join(host.home, "state", "plinth.gateway", "running.json"), "utf8");
  const { url, token } = JSON.parse(running) as { url: string; token: string };
  return { host, url, token, [Symbol.asyncDispose]: () => host.close() };
}
