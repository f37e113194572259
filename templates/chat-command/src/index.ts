import { defineExtension } from "@plinth/sdk";
import type { Manifest } from "./manifest.ts";
import { Notes } from "./notes.ts";

export default defineExtension<Manifest>({
  activate(ctx) {
    const notes = new Notes(ctx.store);
    ctx.provide("plinth.chat-command", "__NAME__", {
      async *run({ args }, { signal }) {
        signal.throwIfAborted();
        const [, word = "", rest = ""] = /^(\S*)\s*([\s\S]*)$/.exec(args.trim()) ?? [];
        if (word === "add" && rest !== "") {
          const count = await notes.add(rest);
          yield { text: `Kept. There ${count === 1 ? "is 1 note" : `are ${count} notes`}.` };
        } else if (word === "clear") {
          await notes.clear();
          yield { text: "All notes are gone." };
        } else if (word === "list" || word === "") {
          const all = await notes.all();
          yield { text: all.length === 0 ? "There are no notes." : all.map((note, at) => `${at + 1}. ${note}`).join("\n") };
          if (all.length > 0) yield { suggest: [{ label: "Clear", text: "/__NAME__ clear" }] };
        } else {
          yield { text: "Say `/__NAME__ add TEXT`, `/__NAME__ list` or `/__NAME__ clear`." };
        }
      },
    });
  },
});
