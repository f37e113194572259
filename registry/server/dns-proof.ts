import { resolveTxt } from "node:dns/promises";
import { PlinthError } from "@plinth/manifests/wire/error.ts";

/** As node:dns/promises has it. */
export type TxtResolver = (name: string) => Promise<string[][]>;

const WAIT_MS = 5_000;
const MAX_RECORDS = 64;
export const DOMAIN = /^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]$/;

/** The publisher's name that a domain's owner may take without being asked for anything else. */
export const publisherOfDomain = (domain: string): string => domain.replaceAll(".", "-");

/** @throws PLINTH_DNS_PROOF unless `_plinth.<domain>` has a TXT record `plinth-key=<key id>`. */
export async function assertDomainNamesKey(domain: string, keyId: string, resolve: TxtResolver = resolveTxt): Promise<void> {
  const wanted = `plinth-key=${keyId}`;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${WAIT_MS} ms`)), WAIT_MS);
  });
  try {
    const records = await Promise.race([resolve(`_plinth.${domain}`), late]);
    if (records.slice(0, MAX_RECORDS).some((parts) => parts.join("") === wanted)) return;
  } catch (cause) {
    throw refused(domain, wanted, "it has no TXT record that can be read", cause);
  } finally {
    clearTimeout(timer);
  }
  throw refused(domain, wanted, "no TXT record names this key");
}

function refused(domain: string, wanted: string, why: string, cause?: unknown): PlinthError {
  return new PlinthError("PLINTH_DNS_PROOF", `_plinth.${domain} does not prove that the domain is yours: ${why}.`, {
    next: `Add the TXT record ${JSON.stringify(wanted)} at _plinth.${domain}, wait until it is public, then try again.`,
    cause,
  });
}
