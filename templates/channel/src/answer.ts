import type { Client } from "@plinth/sdk";
import type { Message } from "./chat-server.ts";

/** Have the host answer one message: a conversation for each sender. */
export async function answerTo(turns: Client<"plinth.turns">, { from, text }: Message): Promise<string> {
  let answer = "";
  for await (const event of turns.submit({ text, sender: from, surface: "__NAME__", sessionKey: `__NAME__:${from}` })) {
    if (event.type !== "end") continue;
    answer = event.status === "ok" ? event.text : "I could not answer that.";
  }
  return answer;
}
