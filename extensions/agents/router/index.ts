import { defineExtension } from "@plinth/sdk";
import { ensureWorkspace } from "./workspace.ts";

interface Config {
  title?: string;
  workspace?: string;
  model?: string;
  harness?: string;
  system?: string | string[];
}

export default defineExtension({
  activate(ctx) {
    const config = ctx.config as Config;
    const agent = { id: "main", title: config.title ?? "Main", model: config.model ?? "auto" };
    const harness = config.harness ?? "native";
    const system = typeof config.system === "string" ? [config.system] : [...(config.system ?? [])];
    const host = ctx.use("plinth.host").one();

    let ready: Promise<string> | undefined;
    // Made once; after a failure the next message tries again.
    const workspace = (): Promise<string> => {
      ready ??= findWorkspace().catch((error) => {
        ready = undefined;
        throw error;
      });
      return ready;
    };
    const findWorkspace = async (): Promise<string> => ensureWorkspace(config.workspace ?? `${(await host.status({})).home}/workspace`);

    ctx.provide("plinth.router", "default", {
      route: async ({ sessionKey, model }) => ({
        agent: agent.id,
        sessionKey: sessionKey || "main",
        harness,
        model: model || agent.model,
        workspace: await workspace(),
        system: [...system],
      }),
      agents: () => ({ agents: [{ ...agent }] }),
    });
  },
});
