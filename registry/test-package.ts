/** Packages for this folder's tests. */
import { keyFromSeed } from "./key-file.ts";
import { packFiles } from "./pack.ts";
import type { PublicKey, PublisherKey } from "./signing.ts";
import type { KeyPins, Learned } from "./trust/key-pins.ts";

export function testKey(publisher = "demo", seed = 1): PublisherKey {
  return keyFromSeed(publisher, Buffer.alloc(32, seed));
}

export function testManifest(id = "demo.weather", version = "1.0.0", more: object = {}): Record<string, unknown> {
  return {
    id,
    version,
    title: "Weather",
    description: "Says what the weather is like.",
    engines: { plinth: "^0.1.0" },
    entry: "./index.js",
    ...more,
  };
}

export function testTarball(id?: string, version?: string, more: object = {}): Promise<Buffer> {
  return packFiles([
    ["plinth.json", JSON.stringify(testManifest(id, version, more))],
    ["index.js", "export default { activate() {} };\n"],
    ["README.md", "# Weather\n"],
  ]);
}

/** Pins in memory, of one registry. `learn` is an owner's consent to what a download taught. */
export function memoryPins(): KeyPins & { pinned: Map<string, PublicKey[]>; learn(of: { learned: Learned }): void } {
  const pinned = new Map<string, PublicKey[]>();
  return {
    pinned,
    get: (publisher) => pinned.get(publisher),
    set: (publisher, keys) => void pinned.set(publisher, keys),
    learn: ({ learned }) => void pinned.set(learned.publisher, learned.keys),
  };
}
