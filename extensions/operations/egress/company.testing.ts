import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, request, type Server } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { type AddressInfo, connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterwards } from "./lab.testing.ts";

export interface Authority {
  /** Its own certificate as PEM. */
  file: string;
  /** A certificate for these names and addresses, as X.509 says them: `DNS:a.test`, `IP:127.0.0.1`. */
  issue(...names: string[]): { key: string; cert: string };
}

/** A certificate authority as a company has one, of an hour ago. */
export function openAuthority(): Authority {
  const dir = mkdtempSync(join(tmpdir(), "plinth-authority-"));
  afterwards(() => rmSync(dir, { recursive: true, force: true }));
  const openssl = (...args: string[]): void => void execFileSync("openssl", args, { cwd: dir, stdio: "pipe" });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  openssl("req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=Company");
  return {
    file: join(dir, "ca.pem"),
    issue(...names) {
      openssl("req", ...key, "-keyout", "leaf.key", "-out", "leaf.csr", "-subj", "/CN=leaf");
      writeFileSync(join(dir, "leaf.ext"), `subjectAltName=${names.join(",")}\n`);
      openssl(..."x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile leaf.ext -out leaf.pem".split(" "));
      return { key: readFileSync(join(dir, "leaf.key"), "utf8"), cert: readFileSync(join(dir, "leaf.pem"), "utf8") };
    },
  };
}

export interface CompanyProxy {
  host: string;
  port: number;
  /** `CONNECT host:port` or `GET http://…`, with the headers as they came. */
  seen: { what: string; headers: IncomingMessage["headers"] }[];
  connections: () => number;
}

export interface CompanyProxyOptions {
  /** Where every host that it is asked for is: nobody else knows its names. */
  port?: number;
  /** Nothing goes through without. */
  credentials?: string;
  /** What it answers instead of going on. */
  refuse?: { status: number; headers?: Record<string, string> };
  /** It speaks TLS itself. */
  tls?: { key: string; cert: string };
}

/** A forward proxy: CONNECT, and plain requests with the whole address. */
export async function openProxy({ port = 0, credentials, refuse, tls }: CompanyProxyOptions = {}): Promise<CompanyProxy> {
  const seen: CompanyProxy["seen"] = [];
  const open = new Set<Socket>();
  let connections = 0;
  const server: Server = tls === undefined ? createServer() : createSecureServer(tls);
  const verdict = ({ method, url, headers }: IncomingMessage): { status: number; headers?: Record<string, string> } | undefined => {
    seen.push({ what: `${method} ${url}`, headers });
    const said = headers["proxy-authorization"];
    if (credentials !== undefined && said !== `Basic ${Buffer.from(credentials).toString("base64")}`)
      return { status: 407, headers: { "proxy-authenticate": 'Basic realm="company"' } };
    return refuse;
  };
  server.on("request", (asked, answer) => {
    const no = verdict(asked);
    if (no !== undefined) return void answer.writeHead(no.status, no.headers).end("no");
    const target = URL.parse(asked.url ?? "");
    if (target === null) return void answer.writeHead(400).end("this is a proxy");
    const { "proxy-authorization": _, ...headers } = asked.headers;
    const onward = request({ host: "127.0.0.1", port, method: asked.method, path: `${target.pathname}${target.search}`, headers, agent: false });
    onward.on("response", (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(answer);
    });
    asked.pipe(onward);
  });
  server.on("connect", (asked: IncomingMessage, socket: Socket) => {
    const no = verdict(asked);
    if (no !== undefined) {
      const lines = Object.entries(no.headers ?? {}).map(([name, value]) => `${name}: ${value}\r\n`);
      return void socket.end(`HTTP/1.1 ${no.status} No\r\n${lines.join("")}content-length: 0\r\n\r\n`);
    }
    const far = connect(port, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      socket.pipe(far).pipe(socket);
    });
    for (const one of [socket, far]) one.on("error", () => {});
    open.add(far);
  });
  server.on("connection", (socket: Socket) => {
    connections++;
    open.add(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  afterwards(() => {
    for (const one of open) one.destroy();
    server.close();
  });
  return { host: "127.0.0.1", port: (server.address() as AddressInfo).port, seen, connections: () => connections };
}

/** A real HTTPS server that says which name it was asked under. */
export async function openSecureSite(tls: { key: string; cert: string }): Promise<{ port: number; server: Server }> {
  const server = createSecureServer(tls, (asked, answer) => answer.end(`${asked.url} of ${asked.headers.host}`));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  afterwards(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, server };
}
