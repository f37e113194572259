import { type Context, type Provider, type SessionInfo, visible } from "@plinth/sdk";
import { assertOwner } from "./own-commands.ts";
import type { SessionChoices } from "./session-choices.ts";
import { exportedBytes, forkSession } from "./session-transfer.ts";
import { startAfresh } from "./start-afresh.ts";

type Run = Provider<"plinth.chat-command">["run"];

const LISTED = 20;
const MOST_TITLE = 200;
/** So long an export is kept for whoever asked for it. */
const KEPT_MS = 7 * 86_400_000;

/** The slash commands about a conversation as a whole, by capability id. */
export function sessionCommands(ctx: Context, choices: SessionChoices): Record<"rename" | "reset" | "fork" | "sessions" | "export", Run> {
  const store = ctx.use("plinth.session-store").one();
  return {
    async *rename({ args, sessionKey }, call) {
      if (call.work !== undefined) assertOwner(call);
      const title = args.replaceAll(/\s+/g, " ").slice(0, MOST_TITLE).toWellFormed();
      await store.update({ key: sessionKey, title: title === "" ? null : title });
      yield { text: title === "" ? "This conversation has no title any more." : `This conversation is called ${quoted(title)} now.` };
    },

    async *reset({ args, sessionKey }, call) {
      if (call.work !== undefined) assertOwner(call);
      await startAfresh(ctx, sessionKey, args);
      yield { text: "A new conversation begins here. What was said before is kept, but the model does not see it." };
    },

    async *fork({ args, sessionKey }, call) {
      if (call.work !== undefined) assertOwner(call);
      const title = args.replaceAll(/\s+/g, " ").slice(0, MOST_TITLE).toWellFormed();
      const { session } = await forkSession(ctx, choices, { key: sessionKey, ...(title === "" ? {} : { title }) });
      yield {
        text: `\`${session.key}\` has what was said here so far, and each goes on by itself. Choose it on the page, or: \`plinth agent --session ${session.key} -m "…"\``,
      };
    },

    async *sessions({ args }, call) {
      if (call.work !== undefined) assertOwner(call);
      if (args === "") {
        const { sessions, next } = await store.list({ limit: LISTED });
        yield { text: `${sessions.map(line).join("\n")}${next === undefined ? "" : "\n\nThere are more: `plinth sessions list`"}` };
        return;
      }
      const { hits } = await store.search({ text: args.slice(0, 500), limit: LISTED });
      const found = hits.map(({ key, excerpt }) => `- \`${plainKey(key)}\`: ${visible(excerpt, { max: 300 })}`);
      yield { text: found.length === 0 ? "Nothing that was said has these words." : found.join("\n") };
    },

    async *export({ sessionKey }, call) {
      if (call.work !== undefined) assertOwner(call);
      const artifacts = ctx.use("plinth.artifacts").one();
      const facts = { mimeType: "application/jsonl", name: "conversation.jsonl", session: sessionKey, ttlMs: KEPT_MS };
      let upload: string | undefined;
      const put = async (bytes: Buffer, more: boolean) => {
        const begun = upload === undefined ? {} : { upload };
        const piece = await artifacts.put(
          { ...facts, ...begun, base64: bytes.toString("base64"), ...(more ? { more } : {}) },
          { signal: call.signal },
        );
        upload = piece.upload;
        return piece.artifact;
      };
      let last: Buffer | undefined;
      for await (const bytes of exportedBytes(store.export({ key: sessionKey }, { signal: call.signal }))) {
        if (last !== undefined) await put(last, true);
        last = bytes;
      }
      const kept = await put(last as Buffer, false);
      const how = `\`GET /artifacts/${kept?.id}\` with the gateway's token gives it`;
      yield { text: `This conversation is kept as a file for a week: ${how}. In a shell: \`plinth sessions export '${plainKey(sessionKey)}' FILE\`` };
    },
  };
}

const line = ({ key, title, running }: SessionInfo): string =>
  `- \`${plainKey(key)}\`${title === undefined ? "" : `: ${visible(title, { max: MOST_TITLE })}`}${running === undefined ? "" : " (running)"}`;

const plainKey = (key: string): string => visible(key, { max: 256 }).replaceAll("`", "'");

const quoted = (title: string): string => `“${visible(title, { max: MOST_TITLE })}”`;
