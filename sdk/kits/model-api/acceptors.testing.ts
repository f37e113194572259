import type { ModelMessage, Part } from "../../extension/index.ts";

/** Why a server would refuse these messages; undefined: it takes them. */
type Acceptor = (messages: readonly ModelMessage[]) => string | undefined;

const textsOf = (part: Part): string[] => {
  const strings: string[] = [];
  JSON.stringify(part, (name, value) => {
    strings.push(name);
    if (typeof value === "string") strings.push(value);
    return value;
  });
  return strings;
};

/** Every server reads its body as UTF-8. */
const isUtf8: Acceptor = (messages) =>
  messages.some(({ content }) => content.some((part) => textsOf(part).some((text) => Buffer.from(text).toString() !== text)))
    ? "not UTF-8"
    : undefined;

const speaks = (part: Part, blank: RegExp) =>
  part.type === "text" || part.type === "refusal" ? !blank.test(part.text) : ["image", "tool-call", "tool-result"].includes(part.type);

/** Each message says something; no text part is empty, nor of white space where that counts. */
const isFull =
  (blank: RegExp): Acceptor =>
  (messages) => {
    for (const { content } of messages) {
      if (!content.some((part) => speaks(part, /^$/))) return "an empty message";
      for (const part of content) {
        if (part.type === "text" && blank.test(part.text)) return "an empty text";
        if (part.type === "tool-result" && part.content.every((one) => one.type !== "text" || blank.test(one.text))) return "an empty result";
      }
    }
    return undefined;
  };

/** "An assistant message with tool_calls must be followed by tool messages responding to each tool_call_id", and nothing else may answer. */
const isPaired: Acceptor = (messages) => {
  const seen = new Set<string>();
  let open: string[] = [];
  for (const { role, content } of messages) {
    const answered = content.flatMap((part) => (part.type === "tool-result" ? [part.callId] : []));
    if (answered.length > 0 && role === "assistant") return "the assistant answers itself";
    for (const id of answered) {
      if (!open.includes(id)) return `a result of no call: ${id}`;
      open = open.filter((one) => one !== id);
    }
    if (open.length > 0) return `a call without a result: ${open[0]}`;
    if (role === "tool" && answered.length !== content.length) return "a tool says something else";
    const calls = content.flatMap((part) => (part.type === "tool-call" ? [part.id] : []));
    if (calls.length > 0 && role !== "assistant") return "somebody else calls";
    for (const id of calls) {
      if (seen.has(id)) return `an id twice: ${id}`;
      seen.add(id);
    }
    open = calls;
  }
  return open.length > 0 ? `a call without a result: ${open[0]}` : undefined;
};

const ids =
  (pattern: RegExp): Acceptor =>
  (messages) => {
    const all = messages.flatMap(({ content }) => content.flatMap((part) => (part.type === "tool-call" ? [part.id] : [])));
    const wrong = all.find((id) => !pattern.test(id));
    return wrong === undefined ? undefined : `the id ${wrong}`;
  };

/** @param sequence of the roles' first letters, such as `uatau`. */
const roles =
  (sequence: RegExp): Acceptor =>
  (messages) => {
    const found = messages.map(({ role }) => role[0]).join("");
    return sequence.test(found) ? undefined : `the order ${found}`;
  };

const none =
  (...types: string[]): Acceptor =>
  (messages) =>
    messages.some(({ content }) => content.some(({ type }) => types.includes(type))) ? `a part of ${types.join(" or ")}` : undefined;

const all =
  (...one: Acceptor[]): Acceptor =>
  (messages) => {
    for (const accepts of one) {
      const why = accepts(messages);
      if (why !== undefined) return why;
    }
    return undefined;
  };

const EMPTY = /^$/;
const BLANK = /^\s*$/;

/** What the servers of each protocol are known to refuse, written from their documentation and their error messages. */
export const acceptors = {
  // "string too long. Expected a string with maximum length 40"; DeepSeek: the last message is a user's or a tool's.
  "openai-chat": all(isUtf8, isFull(EMPTY), isPaired, ids(/^[\w-]{1,40}$/), roles(/[ut]$/)),
  // "Tool call id must be a-z, A-Z, 0-9, with a length of 9"; "Unexpected role 'user' after role 'tool'".
  mistral: all(isUtf8, isFull(EMPTY), isPaired, ids(/^[A-Za-z0-9]{9}$/), roles(/^u(?:a(?:ta)*u)*(?:at(?:at)*)?$/), none("reasoning")),
  // "Conversation roles must alternate user/assistant/user/assistant/..."
  template: all(isUtf8, isFull(EMPTY), roles(/^u(au)*$/), none("tool-call", "tool-result", "reasoning")),
  "openai-responses": all(isUtf8, isFull(EMPTY), isPaired, ids(/^[\w-]{1,64}$/)),
  // "text content blocks must contain non-whitespace text"; "tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'".
  anthropic: all(isUtf8, isFull(BLANK), isPaired, ids(/^[a-zA-Z0-9_-]{1,64}$/), roles(/^u.*[ut]$|^u$/)),
  // "A conversation must start with a user message", "roles must alternate": results are the user's.
  bedrock: all(isUtf8, isFull(BLANK), isPaired, ids(/^[a-zA-Z0-9_-]{1,64}$/), roles(/^u(?:a[ut])*$/)),
  // "function call turn comes immediately after a user turn or after a function response turn".
  gemini: all(isUtf8, isFull(EMPTY), isPaired, roles(/^u(?:a[ut])*$/)),
  ollama: all(isUtf8, isFull(EMPTY), isPaired),
} satisfies Record<string, Acceptor>;
