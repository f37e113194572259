type Wire = Record<string, any>;

/** What the Converse API refuses a request for, as its reference and guide say; undefined: nothing of that. */
export function bedrockProblem(body: Wire | undefined): string | undefined {
  if (typeof body !== "object" || body === null) return "The body is not an object.";
  const { messages = [], system = [], toolConfig } = body;
  if (!Array.isArray(messages) || messages.length === 0) return "The conversation must have at least one message.";
  const blocks = messages.flatMap(({ content }: Wire) => content as Wire[]);
  return turnProblem(messages) ?? callProblem(messages, toolConfig) ?? contentProblem(messages, [...system, ...blocks]) ?? toolProblem(toolConfig);
}

function turnProblem(messages: Wire[]): string | undefined {
  if (messages[0]!.role !== "user")
    return "A conversation must start with a user message. Try again with a conversation that starts with a user message.";
  if (messages.at(-1)!.role !== "user") return "The model does not support assistant message prefill. The conversation must end with a user message.";
  for (const [nth, { role, content }] of messages.entries()) {
    if (messages[nth - 1]?.role === role) return "A conversation must alternate between user and assistant roles.";
    if (!Array.isArray(content) || content.length === 0) return `The content field in the Message object at messages.${nth} is empty.`;
  }
  return undefined;
}

const idsOf = (message: Wire | undefined, kind: "toolUse" | "toolResult"): string[] =>
  (message?.content ?? []).flatMap((block: Wire) => (block[kind] && block[kind].type !== "server_tool_use" ? [block[kind].toolUseId] : []));

function callProblem(messages: Wire[], toolConfig: Wire | undefined): string | undefined {
  for (const [nth, message] of messages.entries()) {
    const calls = message.role === "assistant" ? idsOf(message, "toolUse") : [];
    const results = message.role === "user" ? idsOf(message, "toolResult") : [];
    if (calls.length + results.length > 0 && toolConfig === undefined)
      return "The toolConfig field must be defined when using toolUse and toolResult content blocks.";
    if (calls.some((id) => !/^[a-zA-Z0-9_-]{1,64}$/.test(id))) return "toolUseId must satisfy regular expression pattern: [a-zA-Z0-9_-]+";
    if (new Set(calls).size !== calls.length) return "toolUse ids must be unique.";
    const missing = calls.filter((id) => !idsOf(messages[nth + 1], "toolResult").includes(id));
    if (missing.length > 0) return `Expected toolResult blocks at messages.${nth + 1}.content for the following Ids: ${missing.join(", ")}`;
    const asked = idsOf(messages[nth - 1], "toolUse");
    if (results.some((id) => !asked.includes(id)))
      return `The number of toolResult blocks at messages.${nth}.content exceeds the number of toolUse blocks of previous turn.`;
  }
  return undefined;
}

function contentProblem(messages: Wire[], blocks: Wire[]): string | undefined {
  const points = blocks.filter((block) => "cachePoint" in block);
  if (points.length > 4) return `The model allows 4 cache points. ${points.length} were given.`;
  const names = new Set<string>();
  for (const block of blocks) {
    if ("text" in block && !/\S/.test(block.text))
      return "The text field in the ContentBlock object is blank. Add text to the text field, and try again.";
    if ("text" in block && !String(block.text).isWellFormed()) return "The request body is not valid JSON.";
    if (block.image && !/^(png|jpeg|gif|webp)$/.test(block.image.format)) return "image.format is not one that is known.";
    const name = block.document?.name;
    if (name === undefined) continue;
    if (!/^[A-Za-z0-9()[\]-]+( [A-Za-z0-9()[\]-]+)*$/.test(name))
      return "The document file name can only contain alphanumeric characters, whitespace characters, hyphens, parentheses, and square brackets.";
    if (names.has(name)) return "Documents must have different names.";
    names.add(name);
  }
  const alone = messages.some(({ content }) => content.some((one: Wire) => one.document) && !content.some((one: Wire) => "text" in one));
  return alone ? "The user message with a document must have a text block too." : undefined;
}

function toolProblem(toolConfig: Wire | undefined): string | undefined {
  if (toolConfig === undefined) return undefined;
  const { tools } = toolConfig;
  if (!Array.isArray(tools) || tools.length === 0) return "toolConfig.tools must have at least one tool.";
  for (const { toolSpec } of tools as Wire[]) {
    if (toolSpec === undefined) continue;
    if (!/^[a-zA-Z0-9_-]{1,64}$/.test(toolSpec.name)) return "toolConfig.tools.toolSpec.name must satisfy regular expression pattern: [a-zA-Z0-9_-]+";
    if (toolSpec.inputSchema?.json?.type !== "object")
      return "The value at toolConfig.tools.0.toolSpec.inputSchema.json.type must be one of the following: object.";
  }
  return undefined;
}
