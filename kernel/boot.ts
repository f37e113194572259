import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { homeOf, makePrivateHome } from "@plinth/manifests/home/home-folder.ts";
import { emptyTrash } from "@plinth/manifests/home/trash.ts";
import { ownCapabilities } from "./admin/own.ts";
import { loadConfig } from "./config.ts";
import { errorData } from "./errors.ts";
import { Host, type Product } from "./host.ts";
import { type LogLevel, Logs } from "./log.ts";
import { readBundled, readInstalled, readLock } from "./plan/catalog.ts";
import { Report } from "./report.ts";

export interface BootInput {
  /** Folder of the built product: bundled.json, product.json, extensions/. */
  dist: string;
  /** Default: PLINTH_HOME, else ~/.plinth. */
  home?: string;
  env?: Readonly<Record<string, string | undefined>>;
  logLevel?: LogLevel;
  safeMode?: boolean;
  /** Count this boot for the crash-loop breaker: only long-running hosts do. */
  counted?: boolean;
}

/** config → index → resolve → plan → generation. Extensions start at their first use. */
export async function boot(input: BootInput): Promise<Host> {
  const report = new Report();
  report.mark("load", 0, performance.now());
  const env = input.env ?? process.env;
  const home = input.home ?? homeOf(env);
  return report.step("boot", async () => {
    makePrivateHome(home);
    const config = await report.step("config", () => loadConfig(home));
    const { product, lock, records, problems } = await report.step("index", async () => {
      const [productText, bundled, lock] = await Promise.all([
        readFile(join(input.dist, "product.json"), "utf8"),
        readBundled(input.dist),
        readLock(home),
      ]);
      const installed = await readInstalled(home, lock);
      return {
        product: JSON.parse(productText) as Product,
        lock,
        records: [...bundled, ...installed.records],
        problems: [...installed.problems],
      };
    });
    const logs = new Logs(input.logLevel ?? (env.PLINTH_LOG as LogLevel | undefined) ?? config.value.log?.level ?? "warn");
    const host = new Host({ home, product, logs, report, env, state: { config, lock, records, problems } });
    await report.step("grants", () =>
      Promise.all([host.grants.load().catch((thrown) => void problems.push(errorData(thrown))), host.supervisor.load()]),
    );
    host.safeMode = input.safeMode === true || env.PLINTH_SAFE_MODE === "1";
    if (input.counted && (await host.supervisor.bootStarts())) {
      host.safeMode = true;
      logs.of("host").error("the last three starts did not become ready: safe mode, third-party extensions stay off");
    }
    host.own.push(...ownCapabilities(host));
    const generation = await report.step("generation", () => host.advance(host.state));
    for (const problem of [...generation.plan.blocked.values(), ...generation.plan.problems])
      logs.of(problem.extension ?? "host").warn(problem.message, { code: problem.code, next: problem.next });
    void emptyTrash(home);
    return host;
  });
}
