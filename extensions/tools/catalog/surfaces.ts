import { type Call, type Context, PlinthError, type Provider, visible } from "@plinth/sdk";
import type { Catalog } from "./catalog.ts";
import { type Asked, type Explained, explained } from "./explain.ts";
import { because, whyLines } from "./shown.ts";

const NAMES = ["agent", "session", "channel", "sender", "model"] as const;

/** `tools.list` and `tools.why` of the gateway. Their parameters were checked against their schemas. */
export function gatewayMethods(catalog: Catalog, ctx: Context): Record<"tools.list" | "tools.why", (input: unknown, call: Call) => Promise<unknown>> {
  return {
    async "tools.list"(input, call) {
      assertOwner(call);
      const { place, tools } = await explained(catalog, ctx, askedOf(input));
      return { place, tools: tools.map(row) };
    },
    async "tools.why"(input, call) {
      assertOwner(call);
      const { name } = input as { name: string };
      const { place, tools } = await explained(catalog, ctx, askedOf(input), [name]);
      return { place, ...tools.map((one) => ({ ...row(one), levels: one.levels }))[0] };
    },
  };
}

/** `/tools`, `/tools why NAME`: those of this conversation. */
export async function* chatCommand(
  catalog: Catalog,
  ctx: Context,
  { args, sessionKey }: Parameters<Provider<"plinth.chat-command">["run"]>[0],
  call: Call,
): AsyncGenerator<{ text: string }> {
  assertOwner(call);
  const [what, ...names] = args.split(/\s+/).filter((word) => word !== "");
  const { surface: channel, sender } = call.work?.principal.scope ?? {};
  const asked = { session: sessionKey, ...(channel === undefined ? {} : { channel }), ...(sender === undefined ? {} : { sender }) };
  if (what === undefined) {
    const { tools } = await explained(catalog, ctx, asked);
    const [there, away] = [tools.filter(({ offered }) => offered), tools.filter(({ offered }) => !offered)];
    const lines = [
      `Offered here: ${there.map(({ tool }) => code(tool.name)).join(", ") || "none"}.`,
      ...(away.length === 0 ? [] : ["", "Not offered:", ...away.map((one) => `- ${code(one.tool.name)}: ${plain(because(one))}`)]),
    ];
    return yield { text: lines.join("\n") };
  }
  if (what !== "why" || names.length === 0) throw new PlinthError("PLINTH_USAGE", "Type /tools or /tools why NAME.");
  const { place, tools } = await explained(catalog, ctx, asked, names);
  yield { text: tools.map((one) => ["```", ...whyLines(one, place).map(plain), "```"].join("\n")).join("\n\n") };
}

const row = ({ tool: { name, extension, from, set, descriptor }, offered, searched, level, rule }: Explained) => ({
  name,
  extension,
  ...(from === undefined ? {} : { from }),
  ...(set === undefined ? {} : { set }),
  ...(descriptor.title === undefined ? {} : { title: descriptor.title }),
  effects: [...descriptor.effects],
  offered,
  searched,
  ...(level === undefined ? {} : { level }),
  ...(rule === undefined ? {} : { rule }),
});

export function askedOf(input: unknown): Asked {
  const given = (input ?? {}) as Record<string, unknown>;
  return Object.fromEntries(NAMES.flatMap((name) => (typeof given[name] === "string" && given[name] !== "" ? [[name, given[name]]] : [])));
}

/** Which tools others are kept from is their owner's to know. */
function assertOwner({ work }: Pick<Call, "work">): void {
  if (work === undefined || work.principal.role === "owner") return;
  throw new PlinthError(
    "PLINTH_PERMISSION",
    "Which tools there are for whom is the owner's to know; this is the work of a guest or of an extension.",
    {
      extension: "plinth.tools",
      next: "The owner can ask on the page or in a shell.",
    },
  );
}

const plain = (text: string): string => text.replaceAll("`", "'");
const code = (text: string): string => `\`${plain(visible(text, { max: 256 }))}\``;
