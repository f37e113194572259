import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

const ID = "dev.caller";
/** The command that the stand-in provides: the one road to it from here. */
export const STAND_IN = "dev-caller";

/** What the stand-in is told to call, as its command's options. */
export interface StandInCall {
  contract: string;
  id: string;
  method: string;
  /** JSON. */
  input: string;
}

/** What it says: each item of a stream, or the one result. */
export type StandInSaid = { item: unknown } | { value: unknown };

/**
 * Nobody reaches what its manifest does not name, and this extension's cannot name the contracts that authors come up with. So an
 * extension that names them is made when one is called, for the live host only: it does what a consumer of theirs would do.
 *
 * @returns its folder, ready to install.
 */
export async function writeStandIn(into: string, version: number, contracts: Iterable<string>): Promise<string> {
  const dir = join(into, `${ID}-${version}`);
  const descriptor = { path: [STAND_IN], summary: "Calls what is being developed", hidden: true };
  const manifest = {
    id: ID,
    version: `0.0.${version}`,
    title: "Caller",
    description: "Calls what is being developed, as an extension that uses it would.",
    engines: { plinth: "*" },
    entry: "./index.js",
    tiers: ["isolate", "process"],
    provides: [{ contract: "plinth.cli-command", version: "1.0.0", id: STAND_IN, descriptor }],
    uses: [...contracts].map((contract) => ({ contract, range: "*" })),
  };
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, "plinth.json"), JSON.stringify(manifest));
  await writeFile(join(dir, "index.js"), SOURCE);
  return dir;
}

const SOURCE = `export default {
  plinth: 1,
  async start(bridge, { methods }, registrations) {
    registrations.provide("plinth.cli-command", ${JSON.stringify(STAND_IN)}, {
      async *run({ options: { contract, id, method, input } }) {
        if (methods[contract]?.[method]) for await (const item of bridge.open(contract, id, method, JSON.parse(input), {})) yield { result: { item } };
        else yield { result: { value: await bridge.call(contract, id, method, JSON.parse(input), {}) } };
      },
    });
    return { async stop() {} };
  },
};
`;
