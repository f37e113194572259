import type { Grant } from "@plinth/manifests";
import { stampOf } from "@plinth/manifests/home/commit.ts";
import { Configuration } from "@plinth/manifests/home/configuration.ts";
import { documentFile, readInstalled } from "@plinth/manifests/home/installed.ts";
import { finishRemovals, type RemovingHost } from "@plinth/manifests/home/removals.ts";
import { sweepHome } from "@plinth/manifests/home/sweep.ts";
import type { Generation } from "../generation.ts";
import type { Host, HostState } from "../host.ts";

/** Put down what is installed and allowed once the next generation is known to work, then swap: all of it, or none. */
export async function commit(
  host: Host,
  state: HostState,
  changes: ReadonlyMap<string, Grant | undefined>,
  healthy?: (next: Generation) => Promise<void>,
): Promise<Generation> {
  const before = host.grants.all;
  const granted = host.grants.with(changes);
  // The plan asks for them.
  host.grants.all = granted;
  try {
    return await host.advance(state, async (next) => {
      await healthy?.(next);
      await host.persist(state, granted);
    });
  } catch (thrown) {
    host.grants.all = before;
    throw thrown;
  }
}

/** Take over what another process committed, and what was saved into the configuration. */
export async function refresh(host: Host): Promise<void> {
  let { state } = host;
  const stamp = await stampOf(documentFile(host.home));
  if (stamp !== host.stamp) {
    const { grants, records, ...rest } = await readInstalled(host.home, host.product);
    host.stamp = stamp;
    host.grants.all = grants;
    state = { ...state, ...rest, records: [...state.records.filter((one) => one.bundled), ...records] };
  }
  if ((await stampOf(state.config.file)) !== state.config.stamp) state = { ...state, config: await configurationOf(host).saved() };
  if (state !== host.state) await host.advance(state);
}

/** Complete or undo what killed processes began, and remove what they left. */
export async function settle(host: Host): Promise<void> {
  await sweepHome(host.home, host.usedDigests());
  await finishRemovals(removing(host));
}

export function configurationOf(host: Host): Configuration {
  return new Configuration({
    home: host.home,
    config: host.state.config,
    plan: host.current.plan,
    ids: host.state.records.map(({ manifest }) => manifest.id),
    main: host.product.main.contract,
    judge: (value) => host.plan({ ...host.state, config: { ...host.state.config, value } }),
    enforce: async (config) => (await host.advance({ ...host.state, config })).number,
    tell: (level, { message, code, next }) => host.logs.of("host")[level](message, { code, next }),
  });
}

export function removing(host: Host): RemovingHost {
  return {
    home: host.home,
    removed: host.state.removed,
    isInstalled: (id) => host.state.lock.extensions[id] !== undefined,
    hasValues: async (id) => (await (await host.stores.of(id)).keys()).length > 0,
    wipe: (id) => host.stores.wipe(id),
    async putDown(removed) {
      const state = { ...host.state, removed };
      await host.persist(state, host.grants.all);
      host.state = state;
    },
    failed: (id, why) => host.logs.of(id).warn(`what it stored could not be removed: ${(why as Error).message}`),
  };
}
