import type { ModelRequest, ModelSource, ModelVendor } from "@plinth/sdk";

/** What of a vendor's headers goes with this request. */
export function headersFor({ headersFor: by }: ModelVendor, { messages }: ModelRequest): Record<string, string> {
  if (by === undefined) return {};
  const pictured = messages.some(({ content }) =>
    content.some((part) => part.type === "image" || (part.type === "tool-result" && part.content.some(({ type }) => type === "image"))),
  );
  return { ...(messages.at(-1)?.role === "tool" ? by.tool : by.person), ...(pictured ? by.pictures : {}) };
}

/** What a source says of itself, as the vendor's data has it. */
export function saidOf(vendor: ModelVendor): Pick<ModelSource, "api" | "local" | "unbilled" | "website" | "needs"> {
  const { api, local, unbilled, website } = vendor;
  const said = Object.entries({ api, local, unbilled, website }).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(said), ...needsOf(vendor) };
}

function needsOf({ needs, auth }: ModelVendor): Pick<ModelSource, "needs"> {
  if (needs !== undefined) return { needs };
  const first = auth.find(({ kind, secret }) => kind === "key" && secret !== undefined)?.secret;
  return first === undefined || auth.some(({ kind }) => kind === "none") ? {} : { needs: { secrets: [first] } };
}

/** Whether headers name secrets themselves. */
export const secretsIn = (headers: unknown): boolean => JSON.stringify(headers).includes("{{plinth-secret:");

/** Where else a protocol's code may fetch what its server made, as its quirks say it: by addresses, in which a host may begin with `*.`. */
export const hostsIn = (quirks: Readonly<Record<string, unknown>>): string[] =>
  Object.entries(quirks).flatMap(([name, hosts]) =>
    /hosts$/i.test(name) && Array.isArray(hosts) ? hosts.map((host) => (/:\/\//.test(host) ? `${host}` : `https://${host}`)) : [],
  );

/** The configuration's own name of the key stands for all that the vendor has. At an address of one's own nobody exchanges it. */
export function withSecret(auth: ModelVendor["auth"], secret: string, baseUrl: string | undefined): ModelVendor["auth"] {
  const { exchange, ...first } = auth.find(({ kind }) => kind === "key") ?? { kind: "key" as const };
  const exchanged = exchange === undefined || baseUrl !== undefined ? {} : { exchange };
  return [{ ...first, ...exchanged, kind: "key", secret }, ...auth.filter(({ kind }) => kind !== "key")];
}

/** Why a vendor without a key by name cannot be asked. */
export const notSetUp = (auth: Readonly<ModelVendor["auth"]>, id: string): string =>
  auth.some(({ tokenUrl }) => tokenUrl !== undefined) ? `Nobody signed in there (plinth models auth login ${id}).` : "It is not set up.";
