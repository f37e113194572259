type Wire = Record<string, any>;

/**
 * What the Messages API refuses a request for, as its reference says (https://platform.claude.com/docs/en/api/messages and the
 * pages on tools, thinking and caching); undefined: nothing of that.
 */
export function anthropicProblem(body: Wire | undefined): string | undefined {
  if (typeof body !== "object" || body === null) return "The body is not an object.";
  if (!Number.isInteger(body.max_tokens)) return "max_tokens: Field required";
  const { messages = [], system = [], tools = [] } = body;
  if (!Array.isArray(messages) || messages.length === 0) return "messages: at least one message is required";
  return (
    turnProblem(messages) ??
    callProblem(messages, tools) ??
    [...blocksIn(messages)].map(blockProblem).find((one) => one !== undefined) ??
    cacheProblem([...(Array.isArray(system) ? system : []), ...tools, ...blocksIn(messages)]) ??
    toolProblem(tools) ??
    thinkingProblem(body, messages)
  );
}

const contentOf = ({ content }: Wire): Wire[] => (typeof content === "string" ? [{ type: "text", text: content }] : (content ?? []));

function* blocksIn(messages: Wire[]): Generator<Wire> {
  for (const message of messages) {
    for (const block of contentOf(message)) {
      yield block;
      if (block.type === "tool_result" && Array.isArray(block.content)) yield* block.content;
    }
  }
}

function turnProblem(messages: Wire[]): string | undefined {
  for (const [nth, message] of messages.entries()) {
    if (nth === 0 && message.role !== "user") return "messages: first message must use the user role";
    if (message.role !== "user" && message.role !== "assistant") return `messages.${nth}: Unexpected role`;
    if (messages[nth - 1]?.role === message.role) return `messages.${nth}: roles must alternate between "user" and "assistant"`;
    const content = contentOf(message);
    if (content.length === 0) return `messages.${nth}: all messages must have non-empty content`;
    if (message.role === "assistant" && /^(redacted_)?thinking$/.test(content.at(-1)!.type))
      return `messages.${nth}: The final block in an assistant message cannot be thinking`;
  }
  const last = messages.at(-1)!;
  const end = contentOf(last).at(-1)!;
  if (last.role === "assistant" && end.type === "text" && /\s$/.test(end.text))
    return "messages: final assistant content cannot end with trailing whitespace";
  return undefined;
}

/** Each call is answered in the very next message, before anything else is said there; nothing else is answered. */
function callProblem(messages: Wire[], tools: Wire[]): string | undefined {
  const seen = new Set<string>();
  for (const [nth, message] of messages.entries()) {
    const calls = contentOf(message).filter(({ type }) => type === "tool_use");
    if (calls.length > 0 && tools.length === 0) return "tools: Field required, because messages hold tool_use blocks";
    for (const { id } of calls) {
      if (!/^[a-zA-Z0-9_-]+$/.test(id)) return `messages.${nth}: tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'`;
      if (seen.has(id)) return `messages.${nth}: tool_use ids must be unique`;
      seen.add(id);
    }
    const next = messages[nth + 1];
    const answers = next === undefined ? [] : contentOf(next).filter(({ type }) => type === "tool_result");
    const missing = next === undefined ? [] : calls.filter(({ id }) => !answers.some(({ tool_use_id }) => tool_use_id === id));
    if (missing.length > 0)
      return `messages.${nth}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${missing.map(({ id }) => id).join(", ")}`;
    const own = contentOf(message);
    const before = nth === 0 ? [] : contentOf(messages[nth - 1]!).filter(({ type }) => type === "tool_use");
    for (const [at, block] of own.entries()) {
      if (block.type !== "tool_result") continue;
      if (!before.some(({ id }) => id === block.tool_use_id))
        return `messages.${nth}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${block.tool_use_id}`;
      if (own.slice(0, at).some(({ type }) => type !== "tool_result")) return `messages.${nth}: tool_result blocks must come first`;
    }
  }
  return undefined;
}

function blockProblem(block: Wire): string | undefined {
  if (block.type === "text" && !/\S/.test(block.text ?? "")) return "messages: text content blocks must contain non-whitespace text";
  if (block.type === "text" && !String(block.text).isWellFormed()) return "The request body is not valid JSON: no low surrogate in string";
  if (block.type === "image" && block.source?.type === "base64" && !/^image\/(jpeg|png|gif|webp)$/.test(block.source.media_type))
    return "messages: source.base64.media_type: Input should be 'image/jpeg', 'image/png', 'image/gif' or 'image/webp'";
  if (block.type === "tool_use" && (typeof block.input !== "object" || block.input === null))
    return "tool_use.input: Input should be a valid dictionary";
  return undefined;
}

function cacheProblem(blocks: Wire[]): string | undefined {
  const marked = blocks.filter((block) => block.cache_control);
  if (marked.length > 4) return `A maximum of 4 blocks with cache_control may be provided. Found ${marked.length}.`;
  if (marked.some(({ type }) => /^(redacted_)?thinking$/.test(type))) return "cache_control: Extra inputs are not permitted";
  return undefined;
}

function toolProblem(tools: Wire[]): string | undefined {
  for (const [nth, { type, name, input_schema }] of tools.entries()) {
    if (!/^[a-zA-Z0-9_-]{1,128}$/.test(name ?? "")) return `tools.${nth}.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'`;
    if ((type === undefined || type === "custom") && input_schema?.type !== "object")
      return `tools.${nth}.input_schema.type: Input should be 'object'`;
    if (tools.findIndex((one) => one.name === name) !== nth) return "tools: Tool names must be unique.";
  }
  return undefined;
}

function thinkingProblem(body: Wire, messages: Wire[]): string | undefined {
  const { thinking, max_tokens, temperature, top_p, tool_choice } = body;
  if (temperature > 1) return "temperature: range: 0..1";
  if (temperature !== undefined && top_p !== undefined) return "`temperature` and `top_p` cannot both be specified for this model.";
  if (thinking?.type !== "enabled" && thinking?.type !== "adaptive") return undefined;
  if (temperature !== undefined && temperature !== 1) return "`temperature` may only be set to 1 when thinking is enabled.";
  if (/^(any|tool)$/.test(tool_choice?.type)) return "Thinking may not be enabled when tool_choice forces tool use.";
  if (thinking.type !== "enabled") return undefined;
  if (!(thinking.budget_tokens >= 1_024)) return "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024";
  if (thinking.budget_tokens >= max_tokens) return "`max_tokens` must be greater than `thinking.budget_tokens`.";
  const asked = messages.findLast(({ role }) => role === "assistant");
  const content = asked === undefined ? [] : contentOf(asked);
  const open = contentOf(messages.at(-1)!).some(({ type }) => type === "tool_result") && content.some(({ type }) => type === "tool_use");
  if (open && !/^(redacted_)?thinking$/.test(content[0]!.type))
    return "messages: Expected `thinking` or `redacted_thinking`, but found `tool_use`. When `thinking` is enabled, a final `assistant` message must start with a thinking block.";
  return undefined;
}
