import type { Extension, TurnEvent } from "@plinth/sdk";
import { createTestHost, type ScriptedProvider, type TestHost } from "@plinth/sdk/testing";
import { expect } from "vitest";
import models from "../../models/models/index.ts";
import modelsManifest from "../../models/models/plinth.json" with { type: "json" };
import catalog from "../../tools/catalog/index.ts";
import catalogManifest from "../../tools/catalog/plinth.json" with { type: "json" };
import native from "../native/index.ts";
import nativeManifest from "../native/plinth.json" with { type: "json" };
import router from "../router/index.ts";
import routerManifest from "../router/plinth.json" with { type: "json" };
import runs from "../runs/index.ts";
import runsManifest from "../runs/plinth.json" with { type: "json" };
import sessions from "../sessions/index.ts";
import sessionsManifest from "../sessions/plinth.json" with { type: "json" };
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

interface House {
  /** Models and tools. */
  provide: ScriptedProvider[];
  /** Replaces the sessions' store. */
  store?: Extension;
  /** Configurations by id. */
  config?: Record<string, object>;
}

/** All that takes a message to its answer, as in the product, for an owner. */
export const openHouse = ({ provide, store = sessions, config = {} }: House): Promise<TestHost> =>
  createTestHost({
    extensions: [
      { manifest, extension },
      { manifest: nativeManifest, extension: native },
      { manifest: runsManifest, extension: runs },
      { manifest: routerManifest, extension: router },
      { manifest: sessionsManifest, extension: store },
      { manifest: catalogManifest, extension: catalog },
      { manifest: modelsManifest, extension: models },
    ].map((one) => ({ ...one, config: config[one.manifest.id] ?? {} })),
    provide: [
      ...provide,
      {
        contract: "plinth.kernel",
        descriptor: { title: "Scripted" },
        provider: { snapshot: () => ({ config: { version: 1 }, grants: new Map(), secretExists: async () => false }) as never },
      },
      { contract: "plinth.secret-source", descriptor: { title: "None" }, provider: { resolve: () => null } },
    ],
    principal: { role: "owner", via: "test" },
    validate: false,
  });

export async function eventsOf(host: TestHost, text: string): Promise<TurnEvent[]> {
  const events: TurnEvent[] = [];
  for await (const event of host.use("plinth.turns").one().submit({ text, surface: "test" })) events.push(event);
  return events;
}

/** The answer to a message. */
export async function turnOf(host: TestHost, text: string): Promise<string> {
  const end = (await eventsOf(host, text)).at(-1);
  expect(end, text).toMatchObject({ type: "end", status: "ok" });
  return end?.type === "end" ? end.text : "";
}
