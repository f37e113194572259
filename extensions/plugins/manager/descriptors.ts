import { parameters } from "./api.ts";
import { MORE, usage } from "./chat.ts";
import { chatName, idOf, type Operation, type OperationArgument, optionsOn } from "./operation.ts";

/** What plinth.json states of the operations; a test holds the file to it. */
export function descriptorsOf(operations: Operation[]) {
  const inChat = operations.filter(({ only }) => only === undefined);
  const provide = (contract: string, id: string, descriptor: unknown) => ({ contract, version: "1.0.0", id, descriptor });
  return [
    provide("plinth.chat-command", "plugins", {
      name: "plugins",
      summary: "Find, install and manage extensions",
      usage: `/plugins ${[...new Set(inChat.map(({ group, name }) => group ?? name))].join(" | ")} | help`,
      role: "anyone",
      subcommands: [
        ...inChat.map((one) => ({ name: chatName(one), summary: one.summary, usage: usage(one) })),
        { name: MORE.name, summary: MORE.summary, usage: `/plugins ${MORE.name}` },
        { name: "help", summary: "Show what there is", usage: "/plugins help" },
      ],
    }),
    ...operations.map((one) => provide("plinth.cli-command", idOf(one), cliDescriptor(one))),
    ...operations.map((one) => provide("plinth.gateway-method", idOf(one), methodDescriptor(one))),
  ];
}

function cliDescriptor(operation: Operation) {
  const options = optionsOn(operation, "shell").map(([name, { only: _only, ...option }]) => [name, option] as const);
  return {
    path: [operation.group ?? "plugins", operation.name],
    summary: operation.summary,
    ...(operation.args ? { args: operation.args.map(argument) } : {}),
    ...(options.length > 0 ? { options: Object.fromEntries(options) } : {}),
    examples: operation.examples.map((example) => `plinth ${operation.group ?? "plugins"} ${example}`),
  };
}

function argument({ unless, ...rest }: OperationArgument) {
  return unless === undefined ? rest : { ...rest, required: false };
}

function methodDescriptor(operation: Operation) {
  const known = parameters(operation);
  return {
    summary: operation.summary,
    scope: operation.access === "owner" ? "owner" : "read",
    params: {
      type: "object",
      properties: Object.fromEntries(known.map(({ param, type, summary }) => [param, { type, description: summary }])),
      required: known.filter(({ required }) => required).map(({ param }) => param),
      additionalProperties: false,
    },
  };
}
