import type { Manifest } from "@plinth/manifests";
import { PlinthError } from "../extension/errors.ts";
import type { Client } from "../extension/index.ts";

type HostMethods = { [K in keyof Client<"plinth.host">]: (input: any) => unknown };

/** A plain `plinth.host` for tests: what the test host can say about itself. */
export function hostCounterpart(
  home: string,
  extensions: () => readonly { manifest: Manifest; active: boolean }[],
  grants: Record<string, unknown> = {},
): HostMethods {
  const started = Date.now();
  const status = ({ manifest, active }: { manifest: Manifest; active: boolean }) => ({
    id: manifest.id,
    version: manifest.version,
    title: manifest.title,
    bundled: true,
    tier: manifest.tiers?.[0] ?? ("isolate" as const),
    state: active ? ("active" as const) : ("ready" as const),
    provides: (manifest.provides ?? []).map(({ contract, id }) => ({ contract, id })),
  });
  return {
    status: () => ({
      version: "0.0.0-test",
      node: process.version,
      pid: process.pid,
      home,
      generation: 1,
      draining: [],
      safeMode: false,
      uptimeMs: Date.now() - started,
      memory: { rss: process.memoryUsage.rss() },
      extensions: extensions().map(status),
      problems: [],
    }),
    describe: ({ id }: { id: string }) => {
      const found = extensions().find(({ manifest }) => manifest.id === id);
      if (!found) throw new PlinthError("PLINTH_NOT_INSTALLED", `${id} is not installed.`, { next: "Add it to the test host." });
      return {
        status: status(found),
        manifest: found.manifest,
        enforcement: { level: "none", detail: ["The test host runs everything in one process."] },
      };
    },
    explain: ({ id }: { id: string }) => ({ reasons: [`${id} was given to the test host.`] }),
    hooks: () => ({ hooks: [] }),
    report: () => ({
      steps: [],
      modules: extensions()
        .filter(({ active }) => active)
        .map(({ manifest }) => manifest.id),
    }),
    configGet: () => ({ value: {}, file: `${home}/plinth.json` }),
    usage: () => ({
      at: Date.now(),
      pid: process.pid,
      uptimeMs: Date.now() - started,
      generation: 1,
      draining: [],
      safeMode: false,
      memory: { rss: process.memoryUsage.rss(), heapUsed: process.memoryUsage().heapUsed },
      cpuMs: process.cpuUsage().user / 1_000,
      eventLoop: { meanMs: 0, p99Ms: 0, maxMs: 0 },
      extensions: [],
    }),
    grants: () => ({ grants }),
  };
}
