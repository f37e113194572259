/** A registry's folder over HTTP on this machine, as any static server would serve it, or as somebody in the middle does. */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join, normalize } from "node:path";

export interface HttpRegistry {
  readonly port: number;
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** Paths that were asked for. */
  readonly asked: string[];
  /** Where it is served from; changed by tests. */
  dir: string;
  /** Answers 404 for such paths. */
  hides: (path: string) => boolean;
  close(): Promise<void>;
}

export async function serveRegistry(dir: string): Promise<HttpRegistry> {
  const asked: string[] = [];
  const server = createServer(async (request, response) => {
    const path = normalize(decodeURIComponent(request.url!.split("?")[0]!)).replace(/^\/+/, "");
    asked.push(path);
    const bytes = made.hides(path) || path.startsWith("..") ? undefined : await readFile(join(made.dir, path)).catch(() => undefined);
    response.writeHead(bytes === undefined ? 404 : 200).end(bytes);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  const made: HttpRegistry = {
    port,
    url: `http://127.0.0.1:${port}`,
    asked,
    dir,
    hides: () => false,
    async close() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
  return made;
}
