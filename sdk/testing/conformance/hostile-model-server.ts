import assert from "node:assert/strict";
import { type Client, errorInfo, type ModelEndpoint, type ModelEvent, type ModelRequest } from "../../extension/index.ts";
import type { ModelServer, ScriptedAnswer } from "../model-servers/index.ts";
import { assertFits, type ConformanceCase, withOpened } from "./case.ts";
import { damaged, random } from "./damaged-bytes.ts";

type Api = Client<"plinth.model-api">;

export interface HostileModelSubject {
  /** The API fresh for each case, and a scripted server that speaks its protocol. */
  open(): Promise<{ api: Api; endpoint: ModelEndpoint; server: Pick<ModelServer, "script">; close?(): unknown }>;
  /** A request that offers a tool `dice`. */
  ask: ModelRequest;
}

interface Told {
  items: ModelEvent[];
  text: string;
  calls: Extract<ModelEvent, { type: "tool-call" }>["call"][];
  /** Of what it failed with. */
  code?: string;
}

const SIDES = { sides: 6, why: "dés 🎲" };
const GOOD: ScriptedAnswer = {
  say: [
    { reasoning: "Hm 🎲" },
    { text: "Grüße — " },
    { text: "ich würfle 🎲." },
    { call: { id: "c1", name: "dice", args: SIDES } },
    { call: { id: "c2", name: "dice", args: {} } },
  ],
  usage: { inputTokens: 11, outputTokens: 7 },
};
const SAID = "Grüße — ich würfle 🎲.";
const ARGS = [SIDES, {}];
const ROUNDS = 150;

/**
 * A server at its worst: what it sends is told right, or is one coded error, and a call is never made by halves. Whatever the
 * server does, one answer has one end or one error.
 */
export const hostileModelConformance: readonly ConformanceCase<HostileModelSubject>[] = [
  hostile("tells the same however the bytes are cut and packed", async (ask) => {
    const whole = await ask(GOOD);
    assert.deepEqual([whole.code, whole.text, whole.calls.map(({ args }) => args)], [undefined, SAID, ARGS]);
    for (const way of [{ pieces: 1 }, { pieces: 7 }, { gzip: true }, { gzip: true, pieces: 5 }]) {
      const { text, calls, code } = await ask({ ...GOOD, ...way });
      assert.deepEqual([code, text, calls.map(({ args }) => args)], [undefined, SAID, ARGS], JSON.stringify(way));
    }
  }),
  hostile("tells what came before a connection breaks, whole calls alone, and that it broke", async (ask) => {
    let size = 0;
    await ask({
      ...GOOD,
      damage(body) {
        size = body.length;
        return body;
      },
    });
    for (let cut = 1; cut < size; cut += Math.ceil(size / 40)) {
      const { text, calls, code } = await ask({ ...GOOD, cut });
      assert.ok(SAID.startsWith(text), `${text} is the beginning of what was said`);
      for (const { args } of calls)
        assert.ok(
          ARGS.some((one) => JSON.stringify(one) === JSON.stringify(args)),
          `a whole call: ${JSON.stringify(args)}`,
        );
      // From its last word on an answer may count as whole.
      if (code === undefined) assert.deepEqual([text, calls.length], [SAID, 2], `cut at ${cut} of ${size}`);
    }
  }),
  hostile("takes an answer with damage in it for right, or for broken", async (ask) => {
    const pick = random(20_261_130);
    for (let round = 0; round < ROUNDS; round++) await ask({ ...GOOD, damage: (body) => damaged(body, pick) }, `round ${round}`);
  }),
  hostile("says that an answer without an end, and one without a word, is none", async (ask) => {
    for (const say of [[], [{ text: "half" }]]) {
      const { code, text } = await ask({ say, end: "none" });
      assert.deepEqual([code, text], ["PLINTH_MODEL_STREAM", say.length === 0 ? "" : "half"]);
    }
    assert.equal((await ask({ say: [], damage: () => new Uint8Array() })).code, "PLINTH_MODEL_STREAM");
  }),
  hostile("keeps what was said before an end that nobody knows", async (ask) => {
    assert.equal((await ask({ say: [{ text: "half" }], end: "raw:something_new" })).text, "half");
  }),
  hostile("gives each call an id of its own", async (ask) => {
    const { calls, code } = await ask({ say: ["", "x", "x"].map((id) => ({ call: { id, name: "dice", args: {} } })) });
    assert.deepEqual([code, calls.length], [undefined, 3]);
  }),
  hostile("makes no call of arguments that cannot be read, and one without of what is null or nothing", async (ask) => {
    for (const args of ['{"sides":', "[1]", "7", '{"a":1}}']) {
      const { calls, code } = await ask({ say: [{ call: { name: "dice", args } }] });
      assert.ok(code !== undefined && calls.length === 0, `${args}: ${code}`);
    }
    for (const args of ["null", ""]) {
      const { calls, code } = await ask({ say: [{ call: { name: "dice", args } }] });
      if (code === undefined)
        assert.deepEqual(
          calls.map((call) => call.args),
          [{}],
          JSON.stringify(args),
        );
    }
  }),
  hostile("passes over what stands between events, or takes it for broken", async (ask) => {
    for (const raw of [
      "\n",
      "\r\n\r\n",
      ": a comment\n\n",
      "data: null\n\n",
      "data: 7\n\n",
      "data: []\n\n",
      "{}\n",
      "\u0000\n\n",
      "event: later\ndata: {}\n\n",
    ]) {
      const { text } = await ask({ say: [{ text: "one" }, { raw }, { text: " two" }] }, JSON.stringify(raw));
      assert.ok(["one", "one two"].includes(text), `${JSON.stringify(raw)}: ${text}`);
    }
  }),
  hostile("has a code for every way to refuse", async (ask) => {
    const bodies = ["", "{", "<html>Bad Gateway</html>", "null", '{"error":null}', '{"error":{"message":7}}', "[]", "x".repeat(100_000)];
    for (const status of [400, 401, 404, 413, 418, 429, 500, 502, 503, 529]) {
      for (const body of bodies.slice(status % 3, (status % 3) + 5)) {
        const { code } = await ask({ refuse: { status, body, headers: { "retry-after": "soon" } } }, `${status} ${body.slice(0, 40)}`);
        assert.ok(code !== undefined);
      }
    }
  }),
  hostile("takes no web page for an answer", async (ask) => {
    const { code } = await ask({ headers: { "content-type": "text/html" }, damage: () => Buffer.from("<html>Sign in</html>") });
    assert.equal(code, "PLINTH_MODEL_STREAM");
  }),
  {
    name: "hostile server: leaves one that says nothing more when it is told to",
    run: ({ open, ask }) =>
      withOpened(open, async ({ api, endpoint, server }) => {
        server.script({ ...GOOD, stall: 30 });
        const controller = new AbortController();
        setTimeout(() => controller.abort(), 50);
        const { code } = await told(api.stream({ endpoint, request: ask }, { signal: controller.signal }));
        assert.ok(code !== undefined);
      }),
  },
];

/** A case that asks for scripted answers; what holds of each answer is checked for all. */
function hostile(
  name: string,
  body: (ask: (answer: ScriptedAnswer, note?: string) => Promise<Told>) => Promise<void>,
): ConformanceCase<HostileModelSubject> {
  return {
    name: `hostile server: ${name}`,
    run: ({ open, ask: request }) =>
      withOpened(open, ({ api, endpoint, server }) =>
        body(async (answer, note = "") => {
          server.script(answer);
          const found = await told(api.stream({ endpoint, request }));
          const { items, code, calls } = found;
          const ends = items.filter(({ type }) => type === "end").length;
          assert.equal(ends, code === undefined ? 1 : 0, `one end, or one error: ${note} ${code}`);
          if (code === undefined) assert.equal(items.at(-1)?.type, "end", `nothing follows the end: ${note}`);
          else assert.match(code, /^PLINTH_MODEL_[A-Z]+$/, note);
          for (const item of items) await assertFits("plinth.model-api", "stream", "item", item);
          assert.equal(new Set(calls.map(({ id }) => id)).size, calls.length, `ids are unique: ${note}`);
          for (const call of calls) assert.ok(call.id !== "" && call.name !== "", `a call has an id and a name: ${note}`);
          assert.ok(JSON.stringify(items).isWellFormed() && !/\\ud[89a-f]/.test(JSON.stringify(items)), `whole characters: ${note}`);
          return found;
        }),
      ),
  };
}

async function told(stream: AsyncIterable<ModelEvent>): Promise<Told> {
  const items: ModelEvent[] = [];
  let code: string | undefined;
  try {
    for await (const item of stream) items.push(item);
  } catch (thrown) {
    const info = errorInfo(thrown);
    assert.ok(info.message.length > 0 && info.message.length < 2_000, "a sentence, and no page");
    code = info.code;
  }
  const text = items.map((item) => (item.type === "text" ? item.delta : "")).join("");
  const calls = items.flatMap((item) => (item.type === "tool-call" ? [item.call] : []));
  return { items, text, calls, ...(code === undefined ? {} : { code }) };
}
