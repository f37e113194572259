import type { Call, ContractId } from "@plinth/sdk";
import { createTestHost, type TestExtension, type TestHost } from "@plinth/sdk/testing";
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

export const OWNER = { role: "owner", via: "test" } as const;

export interface House {
  readonly host: TestHost;
  /** What the secret source holds, by the name under which it can be lent. */
  readonly held: Map<string, string>;
  readonly credentials: any;
}

/** The extension with vendors that are data, and a secret source that says what it was given to hold. */
export async function house(options: {
  readonly vendor?: string;
  readonly auth?: readonly object[];
  readonly secrets?: () => readonly string[];
  readonly config?: object;
  /** Hosts that the vendor was granted. */
  readonly net?: readonly string[];
  readonly principal?: { role: "owner" | "guest" | "system"; via: string };
  readonly others?: readonly TestExtension[];
}): Promise<House> {
  const {
    vendor: name = "acme",
    auth = [{ kind: "key", secret: "ACME_KEY" }],
    secrets = () => ["ACME_KEY"],
    config = {},
    net = ["loopback"],
    principal = OWNER,
  } = options;
  const held = new Map<string, string>();
  const vendor = (id: string, its: readonly object[]) => ({
    manifest: {
      ...{ id: `test.${id}`, version: "1.0.0", title: id, description: "", engines: { plinth: "*" } },
      provides: [
        {
          ...{ contract: "plinth.model-vendor", version: "1.0.0", id },
          descriptor: { title: id, api: "openai-chat", priority: 10, baseUrls: { default: "https://api.example/v1" }, auth: its },
        },
      ],
    },
  });
  const host = await createTestHost({
    principal,
    extensions: [
      { manifest, extension, config },
      vendor(name, auth),
      vendor("other", [{ kind: "key", secret: "OTHER_KEY" }]),
      ...(options.others ?? []),
    ],
    provide: [
      {
        contract: "plinth.kernel",
        descriptor: { title: "Scripted" },
        provider: {
          snapshot: () => ({
            generation: 1,
            grants: new Map([[`test.${name}`, { permissions: { net } }]]),
            config: { version: 1, extensions: {} },
            secretExists: async (name: string) => secrets().includes(name),
          }),
        } as never,
      },
      {
        contract: "plinth.secret-source",
        descriptor: { title: "Scripted" },
        provider: {
          resolve: () => null,
          hold({ purpose, value }: { purpose: string; value: string }, _call: Call) {
            held.set(`HELD_${purpose}`, value);
            return { name: `HELD_${purpose}` };
          },
        } as never,
      },
    ],
  });
  return { host, held, credentials: host.use("plinth.credentials" as ContractId).one() as never };
}

/** A credential that somebody signed in for, with these tokens. */
export async function signedIn(credentials: House["credentials"], id = "acme:default"): Promise<void> {
  for await (const item of credentials.login({ vendor: "acme", id, flow: "device" })) void item;
}
