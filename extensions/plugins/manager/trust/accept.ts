import type { RegistryClient } from "@plinth/registry";
import { type Context, errorInfo, PlinthError } from "@plinth/sdk";
import type { Registries } from "../market/registries.ts";
import type { Operation } from "../operation.ts";
import { type Block, code, safe } from "../report.ts";
import { keyLine, type ShownKey } from "./memory.ts";

interface Accepted {
  status: "nothing" | "needs-confirmation" | "accepted";
  publisher: string;
  registry: string;
  /** What is believed here. */
  known: ShownKey[];
  /** What the registry names and nobody here has accepted; sha256, 64 hex digits. */
  offered: string[];
  /** The one that was accepted. */
  fingerprint?: string;
}

const FINGERPRINT = /^[0-9a-f]{16,64}$/;
const PUBLISHER = /^[a-z][a-z0-9-]{0,38}$/;

/** An owner's own word for a key, in place of the one that nobody vouches for. The word is the fingerprint. */
export function accept(ctx: Context, registries: Registries): Operation {
  return {
    group: "trust",
    name: "accept",
    summary: "Believe a publisher's new key, after you asked the publisher on another way",
    access: "owner",
    args: [{ name: "publisher", summary: "Such as demo", required: true }],
    options: {
      registry: { type: "string", value: "NAME", summary: "In which registry, where several name the publisher" },
      key: { type: "string", value: "FINGERPRINT", summary: "The key that the publisher told you: this is the confirmation" },
    },
    examples: ["accept demo", "accept demo --registry acme --key 1f0c0a9d5c1a4e07"],
    async *run({ input, signal }): AsyncGenerator<string, Accepted> {
      const publisher = String(input.publisher);
      const wanted = typeof input.key === "string" ? input.key.toLowerCase().replace(/[\s:]/g, "") : undefined;
      if (!PUBLISHER.test(publisher)) throw usage(`${JSON.stringify(publisher.slice(0, 60))} is no publisher's name.`);
      if (wanted !== undefined && !FINGERPRINT.test(wanted)) throw usage("A fingerprint has 16 to 64 hexadecimal digits.");
      yield `Asking for the keys of ${safe(publisher, 60)} …`;
      const client = await registryOf(registries, publisher, input.registry, signal);
      const { fingerprintOf } = await import("@plinth/registry");
      const offered = await client.keysOf(publisher, { signal, active: true });
      const trust = await registries.trust();
      const pinned = (await trust.pin(publisher, client.identity))?.keys ?? [];
      const fresh = offered.filter((key) => !pinned.some((pin) => pin.publicKey === key.publicKey));
      const told = {
        publisher,
        registry: client.name,
        known: pinned.map((key) => ({ fingerprint: fingerprintOf(key), ...(key.since === undefined ? {} : { knownSince: key.since }) })),
        offered: fresh.map(fingerprintOf),
      };
      if (fresh.length === 0) return { status: "nothing", ...told };
      if (wanted === undefined) return { status: "needs-confirmation", ...told };
      const chosen = fresh.find((key) => fingerprintOf(key).startsWith(wanted));
      if (chosen === undefined) {
        throw new PlinthError("PLINTH_KEY_UNKNOWN", `${client.name} names no new key of ${publisher} that begins with ${wanted}.`, {
          next: `It names ${told.offered.join(", ")}. Ask ${publisher} again: somebody may be in between.`,
        });
      }
      await client.acceptKey(publisher, chosen.keyId, { signal });
      return { status: "accepted", ...told, fingerprint: fingerprintOf(chosen) };
    },
    report: (result: Accepted, { requester }) => reportOf(result, requester.surface === "chat", ctx.clock.now()),
  };
}

function reportOf({ status, publisher, registry, known, offered, fingerprint }: Accepted, chat: boolean, now: number) {
  const old = known.length === 0 ? ["none: the publisher is not known here"] : known.map((key) => keyLine(key, now));
  if (status === "nothing")
    return { blocks: [{ text: `${code(registry)} names no other key of ${code(publisher)} than those that are known here:` }, { items: old }] };
  if (status === "accepted")
    return { blocks: [{ text: `From now on ${code(publisher)} of ${code(registry)} may sign with ${code(fingerprint!)}.` }] };
  const argv = (key: string) => ["trust", "accept", publisher, "--registry", registry, "--key", key];
  const blocks: Block[] = [
    { text: `Keys of ${code(publisher)} in ${code(registry)}` },
    { title: "Known here" },
    { items: old },
    { title: "New, and nobody vouches for it" },
    { items: offered },
    {
      text: `Ask ${code(publisher)}, on another way than this registry, to read you the fingerprint. Whoever has the key may put code on this host.`,
    },
    {
      text: `If it is the same: ${offered.map((key) => code(`${chat ? "/plugins" : "plinth"} ${argv(key).join(" ")}`)).join(" or ")}. Else: do nothing.`,
    },
  ];
  const [only, ...more] = offered;
  const confirm = { question: `Did ${publisher} tell you that the new key is ${only}?`, argv: argv(only!) };
  // No button: the fingerprint is the answer, and it is not for a click.
  return { blocks, ...(chat || more.length > 0 ? {} : { confirm }) };
}

/** The registry that was named, or the only one that names the publisher. */
async function registryOf(registries: Registries, publisher: string, name: unknown, signal: AbortSignal): Promise<RegistryClient> {
  if (typeof name === "string") return registries.named(name);
  const naming: RegistryClient[] = [];
  let failed: unknown;
  for (const client of await registries.clients()) {
    const keys = await client.keysOf(publisher, { signal, active: true }).catch((thrown: unknown) => {
      if (errorInfo(thrown).code !== "PLINTH_TRUST_DELEGATION") failed ??= thrown;
      return [];
    });
    if (keys.length > 0) naming.push(client);
  }
  const [only, ...more] = naming;
  if (only !== undefined && more.length === 0) return only;
  if (only === undefined && failed !== undefined) throw failed;
  if (only === undefined) throw usage(`No registry names a key of ${publisher}.`);
  throw usage(`${naming.map((client) => client.name).join(" and ")} name keys of ${publisher}: say which one with --registry.`);
}

function usage(message: string): PlinthError {
  return new PlinthError("PLINTH_USAGE", message, { next: "Type it like this: plinth trust accept demo --registry acme" });
}
