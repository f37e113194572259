import { writeFile } from "node:fs/promises";

/**
 * A model of a megabyte whose weights were thought out and not learnt: each token decides alone which comes next. It loads, tokenizes and
 * is held to grammars as any other, and what it says is known beforehand.
 */

/** What it says to whatever it is asked; behind the last comes the end. Under a system's instructions it never ends. */
export const SAID = ["one", " two", " three", " four", " five"];
/** In the form that its template has for calls. */
const CALL = ['<tool_call>{"name": "', "dice"];

const CONTROL = ["<|system|>", "<|user|>", "<|assistant|>", "<|end|>", "<|say|>", "<|call|>", "<|loop|>"];
const AGAIN = " again";
const CONTEXT = 32_768;
const WIDTH = 512;
const HEADS = 4;
const HIDDEN = 32;

/** Its answer depends on the last token alone, so the template chooses it, by who spoke before; under instructions it never ends. */
const template = (tools: boolean): string =>
  [
    tools ? "{% if tools %}<|system|>{% for tool in tools %}{{ tool | tojson }}{% endfor %}<|end|>{% endif %}" : "",
    "{% for message in messages %}",
    "{% if message.role == 'system' %}<|system|>{{ message.content }}",
    "{% elif message.role == 'user' %}<|user|>{{ message.content }}",
    "{% elif message.role == 'tool' %}<|user|><tool_response>{{ message.content if message.content is string else message.content | tojson }}</tool_response>",
    "{% else %}<|assistant|>",
    "{% if loop.index0 == 0 %}<|say|>",
    "{% elif messages[0].role == 'system' %}<|loop|>",
    tools ? "{% elif tools and messages[loop.index0 - 1].role == 'user' %}<|call|>" : "",
    "{% else %}<|say|>{% endif %}",
    "{% if message.content is string %}{{ message.content }}{% endif %}",
    tools
      ? `{% if message.tool_calls %}{% for call in message.tool_calls %}<tool_call>{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}</tool_call>{% endfor %}{% endif %}`
      : "",
    "{% endif %}<|end|>",
    "{% endfor %}",
    "{% if add_generation_prompt %}<|assistant|>{% endif %}",
  ].join("");

/** Writes it, and returns the path. */
export async function writeTinyGguf(path: string, { tools = true, context = CONTEXT } = {}): Promise<string> {
  const tokens: { text: string; type: number; score: number }[] = [
    { text: "<unk>", type: 2, score: 0 },
    { text: "<s>", type: 3, score: 0 },
    { text: "</s>", type: 3, score: 0 },
    ...CONTROL.map((text) => ({ text, type: 3, score: 0 })),
    ...Array.from({ length: 256 }, (_, at) => ({ text: `<0x${at.toString(16).toUpperCase().padStart(2, "0")}>`, type: 6, score: 0 })),
    { text: "\u2581", type: 1, score: -1 },
    ...Array.from({ length: 94 }, (_, at) => ({ text: String.fromCharCode(33 + at), type: 1, score: -1 })),
    // These are said and never read: what is read is taken apart into characters.
    ...[...SAID, ...CALL, AGAIN].map((text) => ({ text: text.replaceAll(" ", "\u2581"), type: 1, score: -1_000 })),
  ];
  const idOf = (text: string): number => tokens.findIndex((one) => one.text === text.replaceAll(" ", "\u2581"));
  const after = new Map<number, number>();
  const chain = (...texts: string[]) => {
    for (const [at, text] of texts.slice(1).entries()) after.set(idOf(texts[at]!), idOf(text));
  };
  chain("<|say|>", ...SAID, "</s>");
  chain("<|loop|>", AGAIN, AGAIN);
  chain("<|call|>", ...CALL);
  // Where a grammar leaves a choice, it ends whatever is open.
  const usual = new Map(["</s>", "}", "]", ",", '"', "6"].map((text, at) => [idOf(text), 10 - at]));
  // And a word that was begun: nothing follows the quote that ends one but what is no word.
  after.set(idOf('"'), idOf('"'));
  const scale = Math.sqrt(WIDTH);
  const embedding = new Float32Array(WIDTH * tokens.length);
  const output = new Float32Array(WIDTH * tokens.length);
  for (const at of tokens.keys()) {
    embedding[at * WIDTH + at] = 1;
    for (const [next, liking] of usual) output[next * WIDTH + at] = liking / scale;
    const next = after.get(at);
    if (next !== undefined) output[next * WIDTH + at] = 40 / scale;
  }
  const none = (...shape: number[]) => ({ shape, values: new Float32Array(shape.reduce((all, one) => all * one, 1)) });
  const ones = () => ({ shape: [WIDTH], values: new Float32Array(WIDTH).fill(1) });
  const tensors: Record<string, { shape: number[]; values: Float32Array }> = {
    "token_embd.weight": { shape: [WIDTH, tokens.length], values: embedding },
    "output_norm.weight": ones(),
    "output.weight": { shape: [WIDTH, tokens.length], values: output },
    "blk.0.attn_norm.weight": ones(),
    "blk.0.attn_q.weight": none(WIDTH, WIDTH),
    "blk.0.attn_k.weight": none(WIDTH, WIDTH / HEADS),
    "blk.0.attn_v.weight": none(WIDTH, WIDTH / HEADS),
    "blk.0.attn_output.weight": none(WIDTH, WIDTH),
    "blk.0.ffn_norm.weight": ones(),
    "blk.0.ffn_gate.weight": none(WIDTH, HIDDEN),
    "blk.0.ffn_up.weight": none(WIDTH, HIDDEN),
    "blk.0.ffn_down.weight": none(HIDDEN, WIDTH),
  };
  const values: [string, Buffer][] = [
    ["general.architecture", string("llama")],
    ["general.name", string("Tiny")],
    ["llama.context_length", u32(context)],
    ["llama.embedding_length", u32(WIDTH)],
    ["llama.block_count", u32(1)],
    ["llama.feed_forward_length", u32(HIDDEN)],
    ["llama.attention.head_count", u32(HEADS)],
    ["llama.attention.head_count_kv", u32(1)],
    ["llama.attention.layer_norm_rms_epsilon", f32(1e-6)],
    ["llama.rope.dimension_count", u32(WIDTH / HEADS)],
    ["llama.vocab_size", u32(tokens.length)],
    ["tokenizer.ggml.model", string("llama")],
    [
      "tokenizer.ggml.tokens",
      list(
        8,
        tokens.map(({ text }) => bare(text)),
      ),
    ],
    [
      "tokenizer.ggml.scores",
      list(
        6,
        tokens.map(({ score }) => f32(score).subarray(4)),
      ),
    ],
    [
      "tokenizer.ggml.token_type",
      list(
        5,
        tokens.map(({ type }) => i32(type)),
      ),
    ],
    ["tokenizer.ggml.bos_token_id", u32(1)],
    ["tokenizer.ggml.eos_token_id", u32(2)],
    ["tokenizer.ggml.unknown_token_id", u32(0)],
    ["tokenizer.chat_template", string(template(tools))],
  ];
  await writeFile(path, gguf(values, tensors));
  return path;
}

/** The format of https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, version 3. */
function gguf(values: readonly [string, Buffer][], tensors: Readonly<Record<string, { shape: number[]; values: Float32Array }>>): Buffer {
  const names = Object.entries(tensors);
  let at = 0;
  const infos = names.map(
    ([
      name,
      {
        shape,
        values: { byteLength },
      },
    ]) => {
      const info = Buffer.concat([bare(name), plain32(shape.length), ...shape.map(u64), plain32(0), u64(at)]);
      at += padded(byteLength);
      return info;
    },
  );
  const head = Buffer.concat([
    Buffer.from("GGUF"),
    plain32(3),
    u64(names.length),
    u64(values.length),
    ...values.flatMap(([name, value]) => [bare(name), value]),
    ...infos,
  ]);
  const data = names.map(
    ([
      ,
      {
        values: { buffer, byteLength },
      },
    ]) => Buffer.concat([Buffer.from(buffer), Buffer.alloc(padded(byteLength) - byteLength)]),
  );
  return Buffer.concat([head, Buffer.alloc(padded(head.length) - head.length), ...data]);
}

const padded = (bytes: number): number => Math.ceil(bytes / 32) * 32;
const bytesOf = (length: number, write: (buffer: Buffer) => void): Buffer => {
  const buffer = Buffer.alloc(length);
  write(buffer);
  return buffer;
};
const plain32 = (value: number) => bytesOf(4, (buffer) => buffer.writeUInt32LE(value));
const u64 = (value: number) => bytesOf(8, (buffer) => buffer.writeBigUInt64LE(BigInt(value)));
const i32 = (value: number) => bytesOf(4, (buffer) => buffer.writeInt32LE(value));
const bare = (text: string) => Buffer.concat([u64(Buffer.byteLength(text)), Buffer.from(text)]);
const u32 = (value: number) => Buffer.concat([plain32(4), plain32(value)]);
const f32 = (value: number) => Buffer.concat([plain32(6), bytesOf(4, (buffer) => buffer.writeFloatLE(value))]);
const string = (text: string) => Buffer.concat([plain32(8), bare(text)]);
const list = (type: number, items: readonly Buffer[]) => Buffer.concat([plain32(9), plain32(type), u64(items.length), ...items]);
