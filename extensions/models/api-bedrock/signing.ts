import { Sha256 } from "@smithy/core/checksum";
import { SignatureV4 } from "@smithy/signature-v4";
import type { Identity } from "./credentials.ts";

export interface Unsigned {
  method: "GET" | "POST";
  url: string;
  headers: Record<string, string>;
  body?: string;
}

/** The request's headers with those of AWS Signature Version 4 for the service `bedrock`. @param now in milliseconds. */
export async function signed(
  { method, url, headers, body }: Unsigned,
  identity: Identity,
  region: string,
  now: number,
): Promise<Record<string, string>> {
  const { protocol, hostname, host, port, pathname, searchParams } = new URL(url);
  const signer = new SignatureV4({ service: "bedrock", region, credentials: identity, sha256: Sha256 });
  const request = await signer.sign(
    {
      method,
      protocol,
      hostname,
      ...(port === "" ? {} : { port: Number(port) }),
      path: pathname,
      query: Object.fromEntries(searchParams),
      headers: { ...headers, host },
      ...(body === undefined ? {} : { body }),
    },
    { signingDate: new Date(now) },
  );
  // The client names the host itself.
  const { host: _, ...own } = request.headers;
  return own;
}

/** Where an endpoint is: said, in its host name, or in the environment. */
export function regionOf(baseUrl: string, said: string | undefined, env: Readonly<Record<string, string | undefined>>): string {
  const { hostname } = new URL(baseUrl);
  const inHost = /(?:^|\.)bedrock(?:-runtime)?(?:-fips)?\.([a-z]{2}(?:-[a-z]+)+-\d)\./.exec(hostname)?.[1];
  return said ?? inHost ?? (env.AWS_REGION || env.AWS_DEFAULT_REGION || "us-east-1");
}
