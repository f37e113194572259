import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { integrityOf, keyFromSeed, packFiles, publishRemotely, RegistryClient, registerPublisher } from "../../../registry/index.ts";
import { openStorage, reindex } from "../../../registry/server/index.ts";
import { newHome, pinned, quantile, root, stop } from "../lab.mjs";

const PACKAGES = 50_000;
const PUBLISHERS = 500;

const children = new Set();

export async function measure(row) {
  try {
    await measureAll(row);
  } finally {
    await Promise.all([...children].map(stop));
  }
}

async function measureAll(row) {
  const base = newHome();
  const dir = join(base, "registry");
  synthesize(dir);
  const storage = openStorage(join(base, "data"));
  const began = performance.now();
  await reindex(dir, storage);
  await storage.close();
  row({ what: "registry: reindex of 50,000 packages", value: (performance.now() - began) / 1_000, unit: "s" });

  const server = await start("plain", dir, join(base, "data"));
  await reads(row, server);
  await searches(row, server);
  await stop(server.child);
  await publishes(row, base);
}

/** Conditional GETs as fast as they go, beside what node:http alone does in the same run. */
async function reads(row, server) {
  const bare = await start("bare");
  const paths = Array.from({ length: 200 }, (_, index) => pathOf(index * 37));
  const etags = await Promise.all(paths.map(async (path) => (await fetch(new URL(path, server.url))).headers.get("etag")));
  const requests = paths.map((path, index) => `GET /${path} HTTP/1.1\r\nHost: x\r\nIf-None-Match: ${etags[index]}\r\n\r\n`);
  await flood(server.port, requests, 20_000);
  await flood(bare.port, requests, 20_000);
  const pairs = [];
  for (let index = 0; index < 3; index++) pairs.push([await flood(server.port, requests, 40_000), await flood(bare.port, requests, 40_000)]);
  pairs.sort((a, b) => a[0] - b[0]);
  const [ours, ceiling] = pairs[1];
  row({ what: "registry: conditional GET of a package index, 32 connections", value: ours, unit: "req/s", budget: 5_000, better: "higher" });
  row({ what: "registry: the same of node:http alone, for comparison", value: ceiling, unit: "req/s" });
  await stop(bare.child);
}

async function searches(row, server) {
  const queries = [
    "weather",
    "cal",
    "search files",
    "t",
    "json parser fast",
    "no such thing",
    "tool&permission=net",
    "&publisher=publisher-7",
    "a&offset=200",
  ];
  const times = [];
  for (let index = 0; index < 450; index++) {
    const query = queries[index % queries.length];
    const began = performance.now();
    const response = await fetch(new URL(`api/v1/search?q=${query.replaceAll(" ", "+")}`, server.url));
    if (!response.ok) throw new Error(`search ${query}: ${response.status}`);
    await response.json();
    if (index >= queries.length) times.push(performance.now() - began);
  }
  row({ what: "registry: search over 50,000 packages, p50", value: quantile(times, 0.5), unit: "ms" });
  row({ what: "registry: search over 50,000 packages, p99", value: quantile(times, 0.99), unit: "ms" });
}

/** Each publish is signed, checked, countersigned and logged; afterwards every one of them is there. */
async function publishes(row, base) {
  const server = await start("trust", join(base, "fresh"), join(base, "fresh-data"));
  const remote = { url: server.url, token: server.secret };
  const keys = Array.from({ length: 8 }, (_, index) => keyFromSeed(`pub-${"abcdefgh"[index]}-${index}`, Buffer.alloc(32, index + 1)));
  for (const key of keys) await registerPublisher(remote, key);
  const jobs = [];
  for (let index = 0; index < 200; index++) {
    const key = keys[index % keys.length];
    const id = `${key.publisher}.package-${Math.floor(index / 40)}`;
    const version = `1.${index}.0`;
    const manifest = { id, version, title: "Bench", description: "Bench.", engines: { plinth: "^0.1.0" }, entry: "./index.js" };
    jobs.push({
      id,
      version,
      key,
      tarball: await packFiles([
        ["plinth.json", JSON.stringify(manifest)],
        ["index.js", `export default ${index};\n`],
      ]),
    });
  }
  const began = performance.now();
  await Promise.all(jobs.map(({ tarball, key }) => publishRemotely(remote, tarball, key)));
  const seconds = (performance.now() - began) / 1_000;
  const client = new RegistryClient({ name: "bench", url: server.url, pins: { get: () => undefined, set: () => {} } });
  let lost = 0;
  for (const { id, version } of jobs) if (!(await client.versions(id)).some((one) => one.version === version)) lost += 1;
  row({ what: "registry: publishes, 200 at once, signed, countersigned, logged", value: jobs.length / seconds, unit: "/s" });
  row({ what: "registry: publishes lost", value: lost, unit: "", budget: 0 });
  await stop(server.child);
}

async function start(...args) {
  const [command, rest] = pinned(process.execPath, [join(root, "test/bench/registry-server.mjs"), ...args]);
  const child = spawn(command, rest, { stdio: ["ignore", "pipe", "inherit"] });
  children.add(child);
  let text = "";
  for await (const data of child.stdout) {
    text += data;
    if (text.includes("\n")) break;
  }
  return { child, ...JSON.parse(text) };
}

/** Requests a second over 32 kept-alive connections, one request at a time on each, by a client that costs next to nothing. */
async function flood(port, requests, total) {
  let sent = 0;
  let left = total;
  const began = performance.now();
  await Promise.all(
    Array.from(
      { length: 32 },
      () =>
        new Promise((resolve, reject) => {
          const socket = connect(port, "127.0.0.1");
          socket.setNoDelay(true);
          const next = () => (sent < total ? socket.write(requests[sent++ % requests.length], "latin1") : socket.end(resolve));
          socket.on("error", reject);
          socket.on("connect", next);
          socket.on("data", (data) => {
            if (data[9] !== 0x33) return reject(new Error(data.toString("latin1", 0, 60)));
            // An answer without a body is whole with its head, which fits one packet.
            if (data.at(-1) !== 0x0a || data.at(-3) !== 0x0a) return reject(new Error("an answer in pieces"));
            left -= 1;
            next();
          });
        }),
    ),
  );
  if (left !== 0) throw new Error(`${left} requests unanswered`);
  return total / ((performance.now() - began) / 1_000);
}

const idOf = (index) => `publisher-${index % PUBLISHERS}.${NOUNS[index % NOUNS.length]}-${VERBS[index % VERBS.length]}-${index}`;
const pathOf = (index) => `packages/${idOf(index).replace(".", "/")}.json`;
const NOUNS = [
  "weather",
  "calendar",
  "mail",
  "files",
  "json",
  "music",
  "browser",
  "notes",
  "tasks",
  "photo",
  "pdf",
  "video",
  "stock",
  "travel",
  "recipe",
  "news",
  "git",
];
const VERBS = ["search", "parser", "reader", "writer", "watcher", "sync", "fast", "lite", "tool", "agent", "helper", "bridge", "cache"];

/** A static folder of 50,000 packages with one version each. Their tarballs are not there: only reading an index and searching is measured. */
function synthesize(dir) {
  const key = keyFromSeed("bench", Buffer.alloc(32, 7));
  const keys = {};
  for (let index = 0; index < PUBLISHERS; index++) {
    keys[`publisher-${index}`] = [{ keyId: key.keyId, publicKey: key.publicKey }];
    mkdirSync(join(dir, "packages", `publisher-${index}`), { recursive: true });
  }
  writeFileSync(join(dir, "registry.json"), JSON.stringify({ registry: 1, name: "bench", keys }));
  const integrity = integrityOf(Buffer.from("bench"));
  for (let index = 0; index < PACKAGES; index++) {
    const id = idOf(index);
    const [noun, verb] = [NOUNS[index % NOUNS.length], VERBS[index % VERBS.length]];
    const manifest = {
      id,
      version: "1.0.0",
      title: `${noun} ${verb}`,
      description: `A ${verb} for ${noun} with ${NOUNS[(index * 7) % NOUNS.length]} and ${VERBS[(index * 3) % VERBS.length]}.`,
      engines: { plinth: "^0.1.0" },
      ...(index % 3 === 0 ? { permissions: { net: ["api.example.com"] } } : {}),
    };
    const [publisher, name] = id.split(".");
    const entry = {
      version: "1.0.0",
      tarball: `blobs/${publisher}/${name}/${name}-1.0.0.tgz`,
      integrity,
      size: 5,
      manifest,
      publishedAt: "2026-01-01T00:00:00.000Z",
      signature: { keyId: key.keyId, signature: `${"A".repeat(86)}==` },
    };
    writeFileSync(join(dir, pathOf(index)), JSON.stringify({ id, versions: [entry], tags: { latest: "1.0.0" } }));
  }
}
