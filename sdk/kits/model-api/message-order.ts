import { type ModelMessage, originLine, type Part } from "../../extension/index.ts";
import { type Placed, type Repair, repair } from "./repair.ts";

const BEGINNING = "(The beginning of this conversation is not shown.)";
const GO_ON = "Continue.";
const BRIDGE = "(The results have come.)";

export interface OrderRules {
  /** user: nobody else may speak first. */
  first?: "any" | "user";
  /** user: the last message is a user's or a tool's, unless the model paused. */
  last?: "any" | "user";
  /**
   * messages: no two messages of users, nor two of the assistant, in a row; tools' may stand between.
   * turns: besides, tools' results are in the user's message where the user speaks right after them, before what is said.
   */
  alternate?: "no" | "messages" | "turns";
  /** assistant: no user speaks right after a tool. */
  afterTool?: "any" | "assistant";
}

/** Messages in an order of roles that the rules allow: what is in a row becomes one, what is missing is put in. */
export function ordered(given: readonly Placed[], { first, last, alternate = "no", afterTool }: OrderRules, repairs: Repair[]): Placed[] {
  const placed = [...given];
  const add = (at: number, role: "user" | "assistant", text: string, said: string) => {
    repairs.push(repair("order", placed[at]?.from, said));
    placed.splice(at, 0, { message: { role, content: [{ type: "text", text }] }, from: undefined });
  };
  if (first === "user" && placed[0]?.message.role !== "user") add(0, "user", BEGINNING, "A user's message was put first.");
  const merged = alternate === "no" ? placed : inTurns(placed, alternate, repairs);
  if (merged !== placed) placed.splice(0, placed.length, ...merged);
  if (afterTool === "assistant") {
    for (let at = placed.length - 1; at > 0; at--) {
      if (placed[at]!.message.role !== "user" || placed[at - 1]!.message.role !== "tool") continue;
      add(at, "assistant", BRIDGE, "A message of the assistant was put between results and what the user says.");
    }
  }
  if (last === "user" && !isOpen(placed.at(-1)?.message)) add(placed.length, "user", GO_ON, "A user's message was put last.");
  return placed;
}

/** Somebody else than the assistant has spoken last, or the model itself paused and is asked again as it stands. */
const isOpen = (message: ModelMessage | undefined): boolean =>
  message !== undefined && (message.role !== "assistant" || message.content.at(-1)?.type === "opaque");

function inTurns(placed: readonly Placed[], alternate: "messages" | "turns", repairs: Repair[]): Placed[] {
  const turns: Placed[] = [];
  for (const one of placed) {
    const before = turns.at(-1);
    if (before === undefined || !goOn(before.message, one.message, alternate)) {
      turns.push(one);
      continue;
    }
    turns[turns.length - 1] = { message: joined(before.message, one.message), from: before.from ?? one.from };
    const isRepair = one.from !== undefined && before.message.role === one.message.role;
    if (isRepair) repairs.push(repair("order", one.from, "A message was joined to the one before it, which has the same role."));
  }
  return turns;
}

const goOn = (before: ModelMessage, after: ModelMessage, alternate: "messages" | "turns"): boolean =>
  alternate === "turns" ? (before.role === "assistant") === (after.role === "assistant") : before.role === after.role && before.role !== "tool";

/** Whose words each is stays said: it is part of the text from here on. */
function joined(before: ModelMessage, after: ModelMessage): ModelMessage {
  const role = after.role === "tool" ? before.role : after.role;
  const model = after.model ?? before.model;
  return {
    role,
    content: [...withOrigin(before, ""), ...withOrigin(after, before.content.at(-1)?.type === "text" ? "\n\n" : "")],
    ...(model === undefined ? {} : { model }),
  };
}

function withOrigin(message: ModelMessage, gap: string): Part[] {
  const origin = originLine(message);
  const [head, ...rest] = message.content;
  if (head?.type === "text") return [{ ...head, text: `${gap}${origin}${head.text}` }, ...rest];
  return origin === "" ? message.content : [{ type: "text", text: `${gap}${origin}` }, ...message.content];
}
