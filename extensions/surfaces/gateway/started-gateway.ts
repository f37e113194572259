import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createTestHost, type ScriptedProvider, type TestHost } from "@plinth/sdk/testing";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

export interface StartedGateway extends AsyncDisposable {
  readonly host: TestHost;
  readonly url: string;
  readonly token: string;
  readonly dir: string;
  /** fetch with the token. */
  get(path: string, options?: RequestInit): Promise<Response>;
}

/** For tests: a real gateway on a free port, with scripted counterparts. */
export async function startGateway(provide: ScriptedProvider[] = [], config: Record<string, unknown> = {}): Promise<StartedGateway> {
  const host = await createTestHost({ extensions: [{ manifest, extension, config: { port: 0, ...config } }], provide });
  await host.use("plinth.service").get("gateway").start({});
  const dir = join(host.home, "state", "plinth.gateway");
  const { url, token } = JSON.parse(await readFile(join(dir, "running.json"), "utf8"));
  return {
    host,
    url,
    token,
    dir,
    get: (path, options = {}) =>
      fetch(new URL(path, url), {
        ...options,
        headers: { authorization: `Bearer ${token}`, ...(options.headers as Record<string, string>) },
      }),
    [Symbol.asyncDispose]: () => host.close(),
  };
}

type Handle = (request: any, call: any) => AsyncIterable<unknown>;

/** A scripted route. */
export function route(id: string, descriptor: Record<string, unknown>, handle: Handle): ScriptedProvider {
  return {
    contract: "plinth.http-route",
    id,
    descriptor: { path: `/${id}`, summary: id, ...descriptor },
    provider: { handle } as any,
  };
}

/** A scripted route with whatever methods. */
export const scripted = (id: string, descriptor: Record<string, unknown>, provider: Record<string, unknown>): ScriptedProvider => ({
  contract: "plinth.http-route",
  id,
  descriptor: { path: `/${id}`, summary: id, ...descriptor },
  provider: provider as any,
});

/** A scripted method that answers once, or with a stream when `open` is given. */
export function method(id: string, provider: { call?: unknown; open?: unknown }, scope = "read"): ScriptedProvider {
  return {
    contract: "plinth.gateway-method",
    id,
    descriptor: { summary: id, scope, streaming: provider.open !== undefined },
    provider: provider as any,
  };
}

/** Send bytes as they are and collect what comes back until the server closes. */
export async function raw(url: string, text: string): Promise<string> {
  const { connect } = await import("node:net");
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(text));
    let answer = "";
    socket.setEncoding("utf8");
    socket.on("data", (chunk) => {
      answer += chunk;
    });
    socket.on("close", () => resolve(answer));
    socket.on("error", reject);
  });
}
