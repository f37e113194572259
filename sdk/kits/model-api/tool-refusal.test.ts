import { expect, it } from "vitest";
import { refused } from "./failure.ts";
import { explained } from "./refusal.ts";
import { toolRefusal } from "./tool-refusal.ts";

const names = ["game.dice", "read", "web_search", "zip"];

/** What a server's body becomes, as its protocol's code throws it. */
const thrown = (body: object, status = 400) => refused("Acme", { status, requestId: undefined, ...explained(JSON.stringify(body)) });
const openai = (message: string, param?: string) => thrown({ error: { message, type: "invalid_request_error", param } });

it.each([
  ["OpenAI, by name", openai("Invalid schema for function 'game_dice': In context=(), object schema missing properties."), ["game.dice"]],
  ["OpenAI, by place", openai("Invalid type for 'parameters'.", "tools[2].function.parameters"), ["web_search"]],
  ["OpenAI, a name", openai("Invalid 'tools[1].function.name': string does not match pattern."), ["read"]],
  ["Anthropic", thrown({ error: { type: "invalid_request_error", message: "tools.3.custom.input_schema: JSON schema is invalid." } }), ["zip"]],
  [
    "Google, several",
    thrown({
      error: {
        code: 400,
        status: "INVALID_ARGUMENT",
        message:
          "* GenerateContentRequest.tools[0].function_declarations[1].parameters.properties[a].items: missing field.\n* GenerateContentRequest.tools[0].function_declarations[3].parameters.required[0]: property is not defined",
      },
    }),
    ["read", "zip"],
  ],
  [
    "Amazon, counted from 1",
    thrown({ message: "Value at 'toolConfig.tools.1.member.toolSpec.name' failed to satisfy constraint: Member must satisfy pattern" }),
    ["game.dice"],
  ],
  ["Amazon, as a path", thrown({ message: "The value at toolConfig.tools.2.toolSpec.inputSchema.json.type must be object." }), ["web_search"]],
  [
    "FastAPI",
    thrown({ detail: [{ loc: ["body", "tools", 0, "function", "parameters"], msg: "Input should be a valid dictionary" }] }, 422),
    ["game.dice"],
  ],
  ["Groq", openai("invalid JSON schema for tool web_search, tools[2].function.parameters: `/properties/a` is wrong"), ["web_search"]],
])("a refusal of a tool names it: %s", (_vendor, error, tools) => expect(toolRefusal(error, names)).toEqual({ tools }));

it.each([
  "registry.ollama.ai/library/phi does not support tools",
  "No endpoints found that support tool use.",
  '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
  "This model doesn't support tool use in streaming mode.",
  "`tool calling` is not supported with this model",
])("a model without tools: %s", (message) => expect(toolRefusal(openai(message), names)).toEqual({ none: true }));

it.each([
  ["Invalid 'tools': array too long. Expected an array with maximum length 3, but got an array with length 4 instead.", 3],
  ["The maximum number of 2 tools was exceeded", 2],
])("too many tools: %s", (message, most) => expect(toolRefusal(openai(message), names)).toEqual({ most }));

it.each([
  ["what was called", openai("messages.2: `tool_use` ids were found without `tool_result` blocks: tools.1")],
  ["a message of a tool", openai("An assistant message with 'tool_calls' must be followed by tool messages for tool read")],
  ["a choice", openai("Tool choice 'read' is not in tools", "tool_choice")],
  ["another field that has a tool's name", openai("Unsupported parameter: 'zip' is not taken.")],
  ["a tool that was not sent", openai("Invalid schema for function 'other'")],
  ["a place beyond", openai("Bad.", "tools[9].type")],
  ["a failure of another kind", thrown({ error: { message: "Invalid schema for function 'read'" } }, 500)],
])("nothing is laid at a tool's door for %s", (_what, error) => expect(toolRefusal(error, names)).toBeUndefined());
