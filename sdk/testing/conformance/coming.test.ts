import { describe, expect, it } from "vitest";
import * as suites from "../index.ts";
import * as doers from "./honest-doers.testing.ts";
import * as stores from "./honest-stores.testing.ts";

const honest = { ...stores, ...doers };
const { createTestHost, describeConformance } = suites;

const opening = (contract: string, make: () => object) => async () => {
  const host = await createTestHost({ provide: [{ contract, id: "x", provider: make() as never }] });
  return { subject: host.use(contract as never).get("x") as any, close: () => host.close() };
};

async function failures(cases: readonly suites.ConformanceCase<any>[], subject: object): Promise<string[]> {
  const failed: string[] = [];
  for (const one of cases) await one.run(subject).catch(() => failed.push(one.name));
  return failed;
}

const arrivals: string[] = [];
const asked = { count: 0 };
const node = (code: string) => ({ program: process.execPath, args: ["-e", code] });
const mcp = (descriptor: object, permissions = {}) => ({
  manifest: {
    ...{ id: "acme.servers", version: "1.0.0", title: "Servers", description: "", engines: { plinth: "*" }, permissions },
    provides: [{ contract: "plinth.mcp-server", version: "1.0.0", id: "x", descriptor }],
  },
  id: "x",
});
const server = { title: "X", url: "https://mcp.example/x", headers: { authorization: { secret: "X_KEY", prefix: "Bearer " } } };

type Row = [
  contract: string,
  cases: readonly suites.ConformanceCase<any>[],
  make: () => object,
  more: object,
  spoil: (provider: any) => object,
  missed: string,
];

/** Each contract with an honest provider, what its suite has to be told, and a provider in which one thing is wrong. */
const rows: Row[] = [
  [
    "plinth.memory",
    suites.memoryConformance,
    honest.memory,
    {},
    (one) => ({ ...one, search: (input: any, call: any) => one.search({ ...input, scopes: undefined }, call) }),
    "looks in the scopes that are asked for",
  ],
  [
    "plinth.web-search",
    suites.webSearchConformance,
    honest.webSearch,
    { query: "x", lacks: { freshness: "day" } },
    (one) => ({ search: ({ freshness: _left, ...input }: any, call: any) => one.search(input, call) }),
    "refuses what its service does not have",
  ],
  [
    "plinth.web-fetch",
    suites.webFetchConformance,
    honest.webFetch,
    Object.fromEntries(
      ["page", "redirecting", "missing", "forbidden", "slow"].map((name) => [name === "page" ? "url" : name, `https://a.example/${name}`]),
    ),
    (one) => ({ fetch: (input: any, call: any) => one.fetch({ ...input, url: input.url.replace("forbidden", "page") }, call) }),
    "goes nowhere that it may not",
  ],
  [
    "plinth.scheduler",
    suites.schedulerConformance,
    honest.scheduler,
    {},
    (one) => ({ ...one, update: (input: any) => one.update({ ...input, revision: one.get(input).job.revision }) }),
    "changes what was read",
  ],
  [
    "plinth.delivery",
    suites.deliveryConformance,
    () => honest.delivery(arrivals.splice(0) && arrivals),
    {
      to: { channel: "x", account: "default", peer: { kind: "person", id: "ann" } },
      arrived: (text: string) => arrivals.filter((one) => one === text).length,
      sessionKey: "main",
    },
    (one) => ({
      ...one,
      send(input: any) {
        one.send({ ...input, key: `${Math.random()}` });
        return one.send(input);
      },
    }),
    "brings what has one key once",
  ],
  [
    "plinth.environment",
    suites.environmentConformance,
    honest.environment,
    { program: node('fs.writeFileSync("made.txt", "made"); console.log("said")'), failing: { ...node("process.exit(3)"), code: 3 } },
    (one) => ({ ...one, release: () => ({ released: true }) }),
    "is gone when it was released",
  ],
  [
    "plinth.credentials",
    suites.credentialsConformance,
    () => honest.credentials(Object.assign(asked, { count: 0 })),
    { vendor: "acme", values: ["the-value"], expiring: { id: "acme:a", asked: () => asked.count } },
    (one) => ({ ...one, list: () => ({ credentials: one.list().credentials.map((each: any) => ({ ...each, secret: "the-value" })) }) }),
    "says of each whether it can be used",
  ],
  [
    "plinth.skill-source",
    suites.skillSourceConformance,
    honest.skillSource,
    { name: "sweep", file: "more.md" },
    (one) => ({ ...one, read: ({ name, file }: any) => (file?.includes("..") ? { text: "root:x:0:0" } : one.read({ name, file })) }),
    "lets no path lead out",
  ],
  [
    "plinth.bundle-format",
    suites.bundleFormatConformance,
    honest.bundleFormat,
    { files: [{ path: "foreign.json", text: "{}" }], marks: ["foreign.json"], damaged: [{ path: "foreign.json", text: "not" }] },
    (one) => ({ ...one, convert: (input: any) => one.convert({ ...input, id: "acme.another" }) }),
    "makes a package with a manifest",
  ],
  [
    "plinth.browser-driver",
    suites.browserDriverConformance,
    honest.browserDriver,
    { url: "https://a.example/page", forbidden: "http://forbidden.example/" },
    (one) => ({ ...one, navigate: ({ tab }: any) => ({ tab: one.tabs().tabs.find((each: any) => each.tab === tab) }) }),
    "refuses a ref of an older page",
  ],
  [
    "plinth.discovery",
    suites.discoveryConformance,
    honest.discovery,
    {},
    (one) => ({ ...one, resolve: ({ service, name }: any) => ({ found: { service, name } }) }),
    "knows none",
  ],
  [
    "plinth.context",
    suites.contextConformance,
    honest.context,
    {},
    (one) => ({ contribute: (input: any) => one.contribute({ ...input, maxChars: 1_000 }) }),
    "stays within what there is room for",
  ],
  [
    "plinth.compactor",
    suites.compactorConformance,
    () => honest.compactor(),
    { failing: opening("plinth.compactor", () => honest.compactor(true)) },
    () => ({
      async *compact({ history }: any) {
        yield { type: "summary", content: [{ type: "text", text: "They talked." }], firstKept: history[Math.min(2, history.length - 1)].id };
      },
    }),
    "never parts a tool's call from its result",
  ],
  [
    "plinth.tasks",
    suites.tasksConformance,
    honest.tasks,
    {},
    (one) => ({ ...one, update: (input: any) => one.update({ ...input, revision: one.get(input).task.revision }) }),
    "lets only who holds it change it",
  ],
  [
    "plinth.event-log",
    suites.eventLogConformance,
    honest.eventLog,
    {},
    (one) => ({ ...one, append: ({ idempotencyKey: _key, ...input }: any) => one.append(input) }),
    "adds what has one key once",
  ],
];

for (const [contract, cases, make, more] of rows) {
  describeConformance({ describe, it }, `an honest provider of ${contract}`, cases, { open: opening(contract, make), ...more });
}
describeConformance(
  { describe, it },
  "an honest server",
  suites.mcpServerConformance,
  mcp(server, { net: ["mcp.example"], secrets: ["X_KEY"] }) as never,
);

describe("the suites notice", () => {
  it.each(rows)("what is wrong in a provider of %s", async (contract, cases, make, more, spoil, missed) => {
    const failed = await failures(cases, { open: opening(contract, () => spoil(make())), ...more });
    expect(failed.join("\n")).toContain(missed);
    expect(failed.length).toBeLessThan(cases.length);
  });

  it("a server that asks for less than it needs", async () => {
    expect(await failures(suites.mcpServerConformance, mcp(server, { net: ["mcp.example"] }))).toEqual([
      "asks for what it needs: its program, its host, its secrets",
    ]);
    expect(await failures(suites.mcpServerConformance, mcp({ title: "X" }))).toContain("is a program or an address, and not both");
  });
});
