import { defineExtension } from "@plinth/sdk";
import { json } from "@plinth/sdk/kits/http";
import { BootServices } from "./boot-services.ts";
import { Directory } from "./directory.ts";
import type { Gateway } from "./gateway.ts";
import type { Listen } from "./listener.ts";
import { type Runner, run } from "./run.ts";

export default defineExtension({
  activate(ctx) {
    const directory = new Directory(ctx);
    const services = new BootServices(ctx);
    let starting: Promise<Gateway> | undefined;
    let gateway: Gateway | undefined;
    let serving = false;

    const start = (listen: Partial<Listen>): Promise<Gateway> => {
      starting ??= import("./gateway.ts")
        .then((module) =>
          module.Gateway.start(ctx, directory, {
            port: listen.port ?? (ctx.config.port as number | undefined) ?? 7717,
            host: listen.host ?? (ctx.config.host as string | undefined) ?? "127.0.0.1",
          }),
        )
        .then(
          (started) => (gateway = started),
          (error) => {
            starting = undefined;
            throw error;
          },
        );
      return starting;
    };
    const stop = async (): Promise<void> => {
      const running = await starting?.catch(() => undefined);
      starting = undefined;
      gateway = undefined;
      await running?.stop();
    };
    const runner: Runner = {
      start,
      stop,
      services,
      get active() {
        return starting !== undefined;
      },
    };

    ctx.provide("plinth.cli-command", "gateway.run", {
      async *run(input, call) {
        serving = true;
        try {
          yield* run(ctx, runner, input, call);
        } finally {
          serving = false;
        }
      },
    });

    ctx.provide("plinth.service", "gateway", {
      async start({ options }) {
        const { port, host } = (options ?? {}) as { port?: unknown; host?: unknown };
        const { running } = await start({
          ...(typeof port === "number" ? { port } : {}),
          ...(typeof host === "string" ? { host } : {}),
        });
        return { detail: { url: running.url, pid: running.pid } };
      },
      async stop() {
        await stop();
        return {};
      },
      health: () => (gateway === undefined ? { ok: false, detail: "not started" } : { ok: true, detail: gateway.running.url }),
    });

    const health = () => ({
      ok: gateway !== undefined,
      ...(gateway === undefined
        ? {}
        : {
            version: gateway.running.version,
            uptimeMs: ctx.clock.now() - gateway.running.startedAt,
            connections: gateway.connections,
          }),
    });
    ctx.provide("plinth.gateway-method", "health", { call: health });
    ctx.provide("plinth.gateway-method", "status", { call: () => ctx.use("plinth.host").one().status({}) });
    ctx.provide("plinth.gateway-method", "methods.list", {
      call: async () => ({
        methods: (await ctx.use("plinth.gateway-method").list()).map(({ id, extension, descriptor }) => ({
          name: id,
          extension,
          summary: descriptor.summary,
          scope: descriptor.scope,
          streaming: descriptor.streaming === true,
          ...(descriptor.params === undefined ? {} : { params: descriptor.params }),
          ...(descriptor.result === undefined ? {} : { result: descriptor.result }),
          ...(descriptor.events === undefined ? {} : { events: descriptor.events }),
        })),
      }),
    });

    // The port answers these two itself; they stand here so that lists show them.
    for (const id of ["healthz", "readyz"] as const) {
      ctx.provide("plinth.http-route", id, {
        async *handle() {
          yield* json(gateway === undefined ? 503 : 200, health());
        },
      });
    }

    ctx.hooks.on("generation.ready", () => {
      directory.invalidate();
      if (serving && gateway !== undefined) void services.start();
    });

    ctx.effect("gateway", stop);
  },
});
