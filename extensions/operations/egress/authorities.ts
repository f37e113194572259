import { readFile } from "node:fs/promises";
import { setImmediate as turn } from "node:timers/promises";
import type { SecureContext } from "node:tls";
import { PlinthError } from "@plinth/sdk";

const CERTIFICATE = /-----BEGIN (?:TRUSTED )?CERTIFICATE-----[\s\S]+?-----END (?:TRUSTED )?CERTIFICATE-----/g;
/** Reading one takes a tenth to a third of a millisecond: a system's whole list would hold everything else up. */
const AT_ONCE = 10;
const MAX_BYTES = 8 * 1_048_576;

export interface AuthorityFiles {
  /** Of the configuration: each must be readable. */
  readonly files: readonly string[];
  /** SSL_CERT_FILE: many a machine names a file there that is not. */
  readonly variable: string | undefined;
}

/**
 * Whom TLS trusts: Node's own list (NODE_EXTRA_CA_CERTS is in it already) and the certificates of these files, as PEM. Read once.
 * undefined: nothing is added to Node's list. @throws PLINTH_CERTIFICATES
 */
export class Authorities {
  readonly #files: AuthorityFiles;
  #context: Promise<SecureContext | undefined> | undefined;

  constructor(files: AuthorityFiles) {
    this.#files = files;
  }

  context(): Promise<SecureContext | undefined> {
    // A file that could not be read may be there the next time.
    this.#context ??= this.#load().catch((thrown) => {
      this.#context = undefined;
      throw thrown;
    });
    return this.#context;
  }

  /** What each file holds. */
  async certificates(): Promise<string[]> {
    const { files, variable } = this.#files;
    const optional = variable === undefined ? [] : await certificatesOf(variable).catch(() => []);
    return [...(await Promise.all(files.map(certificatesOf))).flat(), ...optional];
  }

  async #load(): Promise<SecureContext | undefined> {
    const certificates = await this.certificates();
    if (certificates.length === 0) return undefined;
    const { createSecureContext } = await import("node:tls");
    const context = createSecureContext();
    // The option `ca` would replace Node's list, and read all of it at once.
    for (let at = 0; at < certificates.length; at += AT_ONCE) {
      for (const one of certificates.slice(at, at + AT_ONCE)) context.context.addCACert(one);
      await turn();
    }
    return context;
  }
}

async function certificatesOf(file: string): Promise<string[]> {
  const failed = (why: string, cause?: unknown) =>
    new PlinthError("PLINTH_CERTIFICATES", `The certificate authorities in ${file} cannot be used: ${why}.`, {
      extension: "plinth.egress",
      cause,
      next: "Name a readable file with certificates as PEM under authorities of plinth.egress.",
    });
  const bytes = await readFile(file).catch((thrown: NodeJS.ErrnoException) => {
    throw failed(thrown.code ?? thrown.message, thrown);
  });
  if (bytes.length > MAX_BYTES) throw failed(`it is larger than ${MAX_BYTES} bytes`);
  const { X509Certificate } = await import("node:crypto");
  const found = bytes.toString("latin1").match(CERTIFICATE) ?? [];
  if (found.length === 0) throw failed("it holds no certificate as PEM");
  try {
    for (const one of found.slice(0, 1)) new X509Certificate(one);
  } catch (thrown) {
    throw failed("what it holds is no certificate", thrown);
  }
  return found;
}
