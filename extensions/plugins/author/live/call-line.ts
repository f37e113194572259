import { type Manifest, nearNames, PlinthError } from "@plinth/sdk";
import type { Definition } from "../contracts/known-contracts.ts";
import type { LiveRequest } from "./protocol.ts";

type CallRequest = Extract<LiveRequest, { op: "call" }>;

/** The method that is meant when none is named, and what it is given. */
const USUAL: Record<string, { method: string; input(value: unknown): unknown }> = {
  "plinth.tool": { method: "call", input: (args = {}) => ({ args }) },
  "plinth.chat-command": {
    method: "run",
    input: (args = "") => ({ args: typeof args === "string" ? args : JSON.stringify(args), sessionKey: "dev" }),
  },
  "plinth.model-provider": {
    method: "stream",
    input: (value = "hello") =>
      typeof value === "string" ? { model: "", messages: [{ role: "user", content: [{ type: "text", text: value }] }] } : value,
  },
  "plinth.harness": { method: "run", input: (value) => value },
  "plinth.channel": { method: "send", input: (value) => value },
  "plinth.session-store": { method: "list", input: (value = {}) => value },
  "plinth.plugin-source": { method: "fetch", input: (value) => value },
};

/**
 * `NAME`, `NAME.METHOD`, with JSON (or plain words) to give: the call that is meant. Of a contract with one method that one is meant.
 *
 * @param contracts those that are not the product's.
 */
export function callOf(manifest: Manifest, name: string, typed: string | undefined, contracts: readonly Definition[] = []): CallRequest {
  const provides = manifest.provides ?? [];
  const exact = provides.find(({ id }) => id === name);
  const dot = name.lastIndexOf(".");
  const found = exact ?? provides.find(({ id }) => dot > 0 && id === name.slice(0, dot));
  if (found === undefined) {
    const ids = provides.map(({ id }) => id);
    throw new PlinthError("PLINTH_CAPABILITY_MISSING", `${manifest.id} provides no ${JSON.stringify(name)}.`, {
      next:
        ids.length === 0
          ? "It provides nothing that can be called; `say TEXT` runs a whole turn."
          : `It provides ${(nearNames(name, ids).length > 0 ? nearNames(name, ids) : ids).join(", ")}.`,
    });
  }
  const usual = USUAL[found.contract];
  const methods = Object.keys(contracts.find(({ id }) => id === found.contract)?.methods ?? {});
  const method = exact === undefined ? name.slice(dot + 1) : (usual?.method ?? (methods.length === 1 ? methods[0] : undefined));
  if (method === undefined || (methods.length > 0 && !methods.includes(method))) {
    const said = method === undefined ? `What to call of ${found.contract} must be said.` : `${found.contract} has no method ${method}.`;
    const those = methods.length === 0 ? `${found.id}.METHOD, a method of the contract` : methods.map((one) => `${found.id}.${one}`).join(" or ");
    throw new PlinthError("PLINTH_METHOD_UNKNOWN", said, { next: `Write ${those}.` });
  }
  const value = givenValue(typed);
  const input = method === usual?.method ? usual.input(value) : (value ?? {});
  return { op: "call", contract: found.contract, id: found.id, method, input: withModel(found, input) };
}

/** A model provider's first model, when none is named. */
function withModel({ contract, descriptor }: NonNullable<Manifest["provides"]>[number], input: unknown): unknown {
  if (contract !== "plinth.model-provider" || (input as { model?: unknown } | undefined)?.model !== "") return input;
  return { ...(input as object), model: (descriptor as { models?: { id: string }[] }).models?.[0]?.id ?? "default" };
}

function givenValue(typed: string | undefined): unknown {
  if (typed === undefined || typed.trim() === "") return undefined;
  const text = typed.trim();
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!/^[[{"]/.test(text)) return text;
    throw new PlinthError("PLINTH_JSON", `${text.slice(0, 200)} is not JSON: ${(error as Error).message}.`, {
      next: 'Write it as {"name":"value"}, in single quotes in a shell.',
    });
  }
}
