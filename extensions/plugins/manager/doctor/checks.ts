import { type Context, errorInfo, type Finding, type Provider } from "@plinth/sdk";
import type { Registries } from "../market/registries.ts";
import type { Setup } from "../upkeep/setup.ts";
import { diagnose } from "./diagnosis.ts";

/** What `plinth plugins doctor` finds, as a part of `plinth doctor`. */
export function pluginsCheck(ctx: Context, setup: Setup): Provider<"plinth.check"> {
  return {
    async examine(_input, { signal }) {
      const { findings } = await diagnose(ctx, setup, undefined, signal);
      return { findings: findings.map(({ extension, fix, ...one }): Finding => ({ ...one, owner: extension, ...(fix ? { mendable: true } : {}) })) };
    },
    async mend(_input, { signal }) {
      const { findings } = await diagnose(ctx, setup, undefined, signal);
      const ids = new Set(findings.flatMap(({ fix, extension }) => (fix === "enable" ? [extension] : [])));
      for (const id of ids) await ctx.use("plinth.host-admin").one().enable({ id, enabled: true }, { signal });
      return { done: [...ids].map((id) => `Lifted the quarantine of ${id}: the next call tries again.`) };
    },
  };
}

/** Whether each registry answers, and with what its root signed. */
export function registriesCheck(registries: Registries): Provider<"plinth.check"> {
  return {
    async examine(_input, { signal }) {
      const clients = await registries.clients();
      const asked = clients.map(async (client): Promise<Finding[]> => {
        try {
          await client.search("", { limit: 1, signal });
          return [];
        } catch (thrown) {
          const { code, message, next = "plinth marketplace list" } = errorInfo(thrown);
          return [{ code, severity: "problem", owner: "plinth.plugins", what: `cannot use the registry ${client.name}`, why: message, next }];
        }
      });
      return { findings: (await Promise.all(asked)).flat() };
    },
  };
}
