import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** One request that came, with its bytes as they were. */
export interface PlainRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly bytes: Buffer;
  /** Its JSON, or the fields of its form, where it is such. */
  readonly body: any;
}

/** A status with what is said: bytes and texts as they are, anything else as JSON. A list of bytes is sent piece by piece. */
export interface PlainAnswer {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body: unknown;
  /** The connection breaks after what was sent. */
  readonly cut?: boolean;
}

export interface PlainServer {
  /** Without a slash at its end and without a path. */
  readonly url: string;
  readonly requests: readonly PlainRequest[];
  /** What is answered next, whatever is asked, one each. */
  script(...answers: PlainAnswer[]): void;
  close(): Promise<void>;
}

/** Start a server on a free port of 127.0.0.1 that answers as `answer` says. Close it after the test. */
export async function plainServer(answer: (request: PlainRequest) => PlainAnswer | Promise<PlainAnswer>): Promise<PlainServer> {
  const requests: PlainRequest[] = [];
  const scripted: PlainAnswer[] = [];
  const server = createServer((incoming, response) => {
    void (async () => {
      const request = await asked(incoming);
      requests.push(request);
      await send(response, scripted.shift() ?? (await answer(request)));
    })().catch((error) => response.destroy(error));
  });
  server.keepAliveTimeout = 300_000;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    script: (...answers) => void scripted.push(...answers),
    close() {
      server.closeAllConnections();
      return new Promise((resolve, reject) => server.close((error) => (error ? reject(error) : resolve())));
    },
  };
}

async function asked(incoming: IncomingMessage): Promise<PlainRequest> {
  const pieces: Buffer[] = [];
  for await (const piece of incoming) pieces.push(piece as Buffer);
  const bytes = Buffer.concat(pieces);
  const headers = Object.fromEntries(Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]));
  return { method: incoming.method ?? "GET", path: incoming.url ?? "/", headers, bytes, body: await parsed(bytes, headers["content-type"] ?? "") };
}

/** Fields of a form by name; one that stands there often, or ends in `[]`, is a list. */
async function parsed(bytes: Buffer, type: string): Promise<unknown> {
  if (type.startsWith("application/json")) {
    try {
      return JSON.parse(bytes.toString("utf8"));
    } catch {
      return undefined;
    }
  }
  if (!type.startsWith("multipart/form-data")) return undefined;
  const form = await new Response(new Uint8Array(bytes), { headers: { "content-type": type } }).formData();
  const fields: Record<string, unknown> = {};
  for (const name of new Set(form.keys())) {
    const all = await Promise.all(form.getAll(name).map(fieldOf));
    fields[name] = all.length > 1 || name.endsWith("[]") ? all : all[0];
  }
  return fields;
}

const fieldOf = async (value: FormDataEntryValue) =>
  typeof value === "string" ? value : { name: value.name, type: value.type, bytes: Buffer.from(await value.arrayBuffer()) };

async function send(response: ServerResponse, { status = 200, headers = {}, body, cut = false }: PlainAnswer): Promise<void> {
  const raw = typeof body === "string" || body instanceof Uint8Array || (Array.isArray(body) && body.every((one) => one instanceof Uint8Array));
  response.writeHead(status, raw ? headers : { "content-type": "application/json", ...headers });
  const pieces = (raw ? [body].flat() : [JSON.stringify(body)]) as (string | Uint8Array)[];
  for (const piece of pieces) await new Promise<void>((resolve) => response.write(piece, () => resolve()));
  if (cut) response.destroy();
  else response.end();
}
