import type { ModelsEvent, ModelVendor } from "@plinth/sdk";
import { createTestHost, type TestExtension, type TestHost } from "@plinth/sdk/testing";
import credentials from "../credentials/index.ts";
import credentialsManifest from "../credentials/plinth.json" with { type: "json" };
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

export const OWNER = { role: "owner", via: "test" } as const;

export interface SignedIn {
  readonly host: TestHost;
  readonly credentials: any;
  /** What was lent: which secret, to whom, for where. */
  readonly loans: readonly { name: string; to: string; origin: string }[];
  ask(model: string, more?: object): Promise<ModelsEvent[]>;
}

/**
 * Models and credentials with one vendor, and a secret source that lends as the host's does: what is lent is there for its
 * borrower and its origin alone.
 *
 * @param secrets what the owner set, by name
 */
export async function signedInHouse(options: {
  vendor: { id: string; data: ModelVendor; extension?: string; trusted?: boolean; net?: readonly string[]; granted?: readonly string[] };
  apis: readonly { manifest: object; extension: object }[];
  secrets?: Record<string, string>;
  home?: string;
  others?: readonly TestExtension[];
}): Promise<SignedIn> {
  const { vendor, apis, secrets = {}, others = [] } = options;
  const { extension: of = `plinth.${vendor.id}`, trusted = true, net = ["loopback"], granted = Object.keys(secrets) } = vendor;
  const held = new Map<string, string>();
  const loans: { name: string; to: string; origin: string }[] = [];
  // What the host puts in the place of a handle, for whom it was lent to.
  const valuesOf = (to: string): Record<string, string> => {
    const value = (lent: unknown): string | undefined => {
      const loan = typeof lent === "string" && lent.startsWith("LENT_") ? loans[Number(lent.slice(5))] : undefined;
      return loan?.to !== to ? undefined : (held.get(loan.name) ?? (Object.hasOwn(secrets, loan.name) ? secrets[loan.name] : undefined));
    };
    return new Proxy({} as Record<string, string>, { get: (_target, name) => value(name), has: (_target, name) => value(name) !== undefined });
  };
  const host = await createTestHost({
    principal: OWNER,
    ...(options.home === undefined ? {} : { home: options.home }),
    extensions: [
      { manifest, extension },
      { manifest: credentialsManifest, extension: credentials, secrets: valuesOf("plinth.credentials") },
      ...apis.map((api) => ({ ...api, secrets: valuesOf((api.manifest as { id: string }).id) }) as TestExtension),
      {
        trusted,
        manifest: {
          ...{ id: of, version: "1.0.0", title: vendor.data.title, description: "", engines: { plinth: "*" } },
          provides: [{ contract: "plinth.model-vendor", version: "1.0.0", id: vendor.id, descriptor: vendor.data }],
        },
      } as TestExtension,
      ...others,
    ],
    provide: [
      {
        contract: "plinth.kernel",
        descriptor: { title: "Scripted" },
        provider: {
          snapshot: () => ({
            ...{ generation: 1, config: { version: 1, extensions: {} }, grants: new Map([[of, { permissions: { net, secrets: granted } }]]) },
            secretExists: async (name: string) => Object.hasOwn(secrets, name),
          }),
        } as never,
      },
      {
        contract: "plinth.secret-source",
        descriptor: { title: "Scripted" },
        provider: {
          resolve: () => null,
          lend(loan: { name: string; to: string; origin: string }) {
            const at = loans.findIndex((one) => one.name === loan.name && one.to === loan.to && one.origin === loan.origin);
            return { name: `LENT_${at >= 0 ? at : loans.push(loan) - 1}` };
          },
          hold({ purpose, value }: { purpose: string; value: string }) {
            const name = `HELD_${purpose}`;
            held.set(name, value);
            return { name };
          },
        } as never,
      },
    ],
  });
  return {
    host,
    loans,
    credentials: host.use("plinth.credentials").one(),
    async ask(model, more = {}) {
      const events: ModelsEvent[] = [];
      const messages = [{ role: "user" as const, content: [{ type: "text" as const, text: "hi" }] }];
      const models = host.use("plinth.models").one();
      for await (const event of models.stream({ model, messages, retries: 0, ...more })) events.push(event);
      return events;
    },
  };
}
