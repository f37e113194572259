import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { readBundled } from "@plinth/manifests/home/bundled.ts";
import { stampOf } from "@plinth/manifests/home/commit.ts";
import { type LoadedConfig, loadConfig } from "@plinth/manifests/home/config-file.ts";
import { homeOf, makePrivateHome } from "@plinth/manifests/home/home-folder.ts";
import { documentFile, readInstalled } from "@plinth/manifests/home/installed.ts";
import { announceHost, hasOrphans } from "@plinth/manifests/home/sweep.ts";
import { emptyTrash } from "@plinth/manifests/home/trash.ts";
import { watchFiles } from "@plinth/manifests/home/watch.ts";
import { ownCapabilities } from "./admin/own.ts";
import { type CatchUp, Host, type Product } from "./host.ts";
import { type LogLevel, Logs } from "./log.ts";
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
    const config = await report.step("config", () => startConfig(home));
    const stamp = await stampOf(documentFile(home));
    const product = JSON.parse(await readFile(join(input.dist, "product.json"), "utf8")) as Product;
    const [bundled, { grants, records, ...installed }] = await report.step("index", () =>
      Promise.all([readBundled(input.dist), readInstalled(home, product)]),
    );
    const logs = new Logs(input.logLevel ?? (env.PLINTH_LOG as LogLevel | undefined) ?? config.value.log?.level ?? "warn");
    const host = new Host({ home, product, logs, report, env, catchUp, state: { ...installed, config, records: [...bundled, ...records] } });
    host.stamp = stamp;
    host.grants.all = grants;
    await report.step("faults", () => host.supervisor.load());
    host.safeMode = input.safeMode === true || env.PLINTH_SAFE_MODE === "1";
    if (input.counted && (await host.supervisor.bootStarts())) {
      host.safeMode = true;
      logs.of("host").error("the last three starts did not become ready: safe mode, third-party extensions stay off");
    }
    host.own.push(...ownCapabilities(host));
    const generation = await report.step("generation", () => host.advance(host.state));
    for (const problem of [...generation.plan.blocked.values(), ...generation.plan.problems])
      logs.of(problem.extension ?? "host").warn(problem.message, { code: problem.code, next: problem.next });
    for (const { code, message, next } of config.problems) logs.of("host").error(message, { code, next });
    if (input.counted) await attend(host);
    await tidyUp(host, input.counted === true);
    void emptyTrash(home);
    return host;
  });
}

/** Administration is loaded by the first change. */
const catchUp: CatchUp = async (host, unsettled) => {
  const { refresh, settle } = await import("./install/commit.ts");
  await refresh(host);
  if (unsettled) await settle(host);
};

/** A file that cannot be in force does not stop a host that has run before. */
async function startConfig(home: string): Promise<LoadedConfig> {
  try {
    return await loadConfig(home);
  } catch (thrown) {
    const { lastGoodConfig } = await import("@plinth/manifests/home/config-history.ts");
    return await lastGoodConfig(home, thrown);
  }
}

/** What others commit and what is saved into the configuration takes effect here, too. */
async function attend(host: Host): Promise<void> {
  const forget = await announceHost(host.home);
  const failed = (thrown: unknown): void => host.logs.of("host").warn(`what changed in the home is not in force: ${(thrown as Error).message}`);
  const end = watchFiles([host.state.config.file, documentFile(host.home)], () => void host.exclusive(async () => {}).catch(failed));
  host.leave = async () => {
    end();
    await forget();
  };
}

/** Beside everything else, and never waiting for another writer: what killed processes left is settled. */
async function tidyUp(host: Host, counted: boolean): Promise<void> {
  if (!counted && host.state.removed.length === 0 && !(await host.writers.noted()) && !(await hasOrphans(host.home, host.usedDigests()))) return;
  const { settle } = await import("./install/commit.ts");
  host.exclusive(() => settle(host), 0).catch((thrown) => host.logs.of("host").warn(`not tidied up: ${(thrown as Error).message}`));
}
