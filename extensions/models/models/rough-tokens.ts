import type { ModelRequest, Part } from "@plinth/sdk";

/** In most languages and tokenizers, about so many. */
const CHARACTERS = 4;
/** A picture of a usual size. */
const OF_A_PICTURE = 1_500;

/** Of a tool's schema, which stays as long as its extension does: looked at once, not for each request. */
const known = new WeakMap<object, number>();

/** How many tokens a request will read, roughly: known before the call, without asking anybody. */
export function roughTokens({ system = [], messages, tools = [] }: Pick<ModelRequest, "system" | "messages" | "tools">): number {
  let characters = 0;
  let tokens = 0;
  const add = (parts: readonly Part[]): void => {
    for (const part of parts) {
      if (part.type === "image" || part.type === "video") tokens += OF_A_PICTURE;
      if ("text" in part && typeof part.text === "string") characters += part.text.length;
      if (part.type === "tool-call") characters += part.name.length + JSON.stringify(part.args).length;
      if (part.type === "tool-result") add(part.content);
    }
  };
  add(system);
  for (const { content } of messages) add(content);
  for (const { name, description, input } of tools) characters += name.length + description.length + lengthOf(input);
  return tokens + Math.ceil(characters / CHARACTERS);
}

function lengthOf(schema: object): number {
  let length = known.get(schema);
  if (length === undefined) known.set(schema, (length = JSON.stringify(schema).length));
  return length;
}
