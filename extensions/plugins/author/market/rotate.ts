import { rename } from "node:fs/promises";
import type { PublicKey } from "@plinth/registry";
import { PlinthError } from "@plinth/sdk";
import { type Author, answer, type CommandInput, type TerminalItem, word } from "../command.ts";
import { publisherKey } from "./publisher-key.ts";
import { serviceOf } from "./registry-choice.ts";

const MAX_ANSWER = 1_048_576;
const WAIT_MS = 30_000;

/** `plinth key rotate PUBLISHER`: a new key, vouched for by the old one; what the old one signed stays good. */
export async function* rotatePublisherKey(author: Author, input: CommandInput, signal: AbortSignal): AsyncIterable<TerminalItem> {
  const { generateKey, rotateKey, writeKeyFile } = await import("@plinth/registry");
  const publisher = word(input.args, "publisher") ?? "";
  const { key: old, file } = await publisherKey(author, input, publisher, false);
  const service = await serviceOf(author, input, signal);
  const delegation = (await request(service, `keys/${publisher}.json`, signal)) as { signed: Parameters<typeof rotateKey>[0] };
  const fresh = generateKey(publisher);
  // Written before it is announced: a key that the registry knows and nobody has would end the name.
  const beside = `${file}.${fresh.keyId}`;
  await writeKeyFile(beside, fresh);
  const link = rotateKey(delegation.signed, old, fresh, new Date().toISOString());
  await request(service, `api/v1/publishers/${publisher}/keys`, signal, link);
  const kept = `${file}.${old.keyId}.old`;
  await rename(file, kept);
  await rename(beside, file);
  const { keyId } = fresh satisfies PublicKey;
  yield answer(input, { publisher, keyId, file, replaced: old.keyId, kept }, [
    `${publisher} signs with ${keyId} from now on; the key lies in ${file}.`,
    `  before   ${old.keyId}, kept in ${kept}: destroy it once nothing needs it.`,
  ]);
}

/** JSON of the registry. No redirect is followed: it would carry the token elsewhere. */
async function request({ url, token }: { url: string; token: string }, path: string, signal: AbortSignal, body?: unknown): Promise<unknown> {
  const headers: Record<string, string> = body === undefined ? {} : { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const response = await fetch(new URL(path, url), {
    redirect: "manual",
    signal: AbortSignal.any([signal, AbortSignal.timeout(WAIT_MS)]),
    headers,
    ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
  }).catch((cause) => {
    throw new PlinthError("PLINTH_REGISTRY_UNREACHABLE", `The registry at ${url} cannot be reached.`, {
      next: "Check its address and your connection.",
      cause,
    });
  });
  const text = (await response.text()).slice(0, MAX_ANSWER);
  const value = parsed(text);
  if (response.ok && value !== undefined) return value;
  const { code, detail, next } = (value ?? {}) as Record<string, string | undefined>;
  const known = /^PLINTH_[A-Z0-9_]{1,64}$/.test(code ?? "");
  const unsigned = response.status === 404 && path.startsWith("keys/");
  throw new PlinthError(
    known ? code! : "PLINTH_KEY_ROTATION",
    unsigned
      ? "This registry keeps no signed keys, so none can be rotated."
      : (detail ?? `The registry answered ${response.status}.`).slice(0, 1_000),
    {
      next: next ?? (unsigned ? "Ask who runs it; a registry made with `plinth-registry init` keeps them." : "Try again later."),
    },
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
