import type { Client, Principal } from "@plinth/sdk";
import { createTestHost, type TestExtension, type TestHost } from "@plinth/sdk/testing";
import interactions from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

export const owner: Principal = { role: "owner", via: "local" };
export const guest: Principal = { role: "guest", via: "plinth.gateway:somewhere", name: "gil" };

export const start = (config: object = {}, extensions: TestExtension[] = []): Promise<TestHost> =>
  createTestHost({ extensions: [{ manifest, extension: interactions, config }, ...extensions] });

/** The contract as the product calls it, in the work of somebody. */
export function clientOf(host: TestHost, principal: Principal): Client<"plinth.interaction"> {
  const client = host.use("plinth.interaction").one();
  const methods = ["ask", "pending", "answer", "withdraw", "history", "changes"] as const;
  return Object.fromEntries(
    methods.map((name) => [name, (...args: [never, never]) => host.as(principal, () => client[name](...args))]),
  ) as unknown as Client<"plinth.interaction">;
}
