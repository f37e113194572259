import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import Anthropic from "@anthropic-ai/sdk";
import { PlinthError } from "@plinth/sdk";
import { createTestHost, type ScriptedProvider } from "@plinth/sdk/testing";
import OpenAI from "openai";
import native from "../../agents/native/index.ts";
import nativeManifest from "../../agents/native/plinth.json" with { type: "json" };
import { knowsModels, type Script, scriptedModel, scriptedTool, text } from "../../agents/native/scripted.testing.ts";
import router from "../../agents/router/index.ts";
import routerManifest from "../../agents/router/plinth.json" with { type: "json" };
import runs from "../../agents/runs/index.ts";
import runsManifest from "../../agents/runs/plinth.json" with { type: "json" };
import sessions from "../../agents/sessions/index.ts";
import sessionsManifest from "../../agents/sessions/plinth.json" with { type: "json" };
import catalog from "../../tools/catalog/index.ts";
import catalogManifest from "../../tools/catalog/plinth.json" with { type: "json" };
import gateway from "../gateway/index.ts";
import gatewayManifest from "../gateway/plinth.json" with { type: "json" };
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

export interface Serving extends AsyncDisposable {
  client: OpenAI;
  anthropic: Anthropic;
  url: string;
  token: string;
  /** The gateway again, with another token: a client and where it is. The one before does not count any more. */
  another(): Promise<{ client: OpenAI; url: string; token: string }>;
  /** What the tool `clock` was called with. */
  ran: unknown[];
  /** What the model was asked. */
  seen: any[];
}

/** Unmodified clients against a running gateway, with everything real but the model and one tool. */
export async function setUp(...scripts: Script[]): Promise<Serving> {
  return serving(scripts);
}

interface Besides {
  /** Providers of other things. */
  provide?: ScriptedProvider[];
  /** Settings of who knows the models. */
  models?: object;
}

export async function serving(scripts: Script[], { provide = [], models = {} }: Besides = {}): Promise<Serving> {
  const model = scriptedModel(scripts);
  const broken = scriptedModel([new PlinthError("PLINTH_MODEL_BILLING", "No money is left.")], { id: "broken", priority: 9, ready: false });
  const ran: unknown[] = [];
  const clock = scriptedTool("clock", ["read"], ({ args }) => {
    ran.push(args);
    return text("noon");
  });
  const knows = knowsModels({ aliases: { fast: "scripted/m" }, ...models });
  const host = await createTestHost({
    extensions: [
      { manifest: gatewayManifest, extension: gateway, config: { port: 0 } },
      { manifest, extension },
      { manifest: nativeManifest, extension: native, config: { retries: 0 } },
      { manifest: routerManifest, extension: router },
      { manifest: runsManifest, extension: runs },
      { manifest: sessionsManifest, extension: sessions },
      { manifest: catalogManifest, extension: catalog },
      ...knows.extensions,
    ],
    provide: [model, broken, clock, ...knows.provide, ...provide],
  });
  const service = host.use("plinth.service").get("gateway");
  const dir = join(host.home, "state", "plinth.gateway");
  const start = async () => {
    await service.start({});
    const { url, token } = JSON.parse(await readFile(join(dir, "running.json"), "utf8"));
    return { url, token, client: new OpenAI({ baseURL: `${url}/v1`, apiKey: token, maxRetries: 0 }) };
  };
  const another = async () => {
    await service.stop({});
    await rm(join(dir, "token"));
    return start();
  };
  const { url, token, client } = await start();
  const anthropic = new Anthropic({ baseURL: url, apiKey: token, maxRetries: 0 });
  return { client, anthropic, url, token, another, ran, seen: model.seen as any[], [Symbol.asyncDispose]: () => host.close() };
}

export const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

/** Each of a model's messages as `role: first text`. */
export const shown = (seen: any): string[] => seen.messages.map(({ role, content }: any) => `${role}: ${content[0]?.text}`);
