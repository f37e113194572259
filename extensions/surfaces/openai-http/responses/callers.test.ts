import { describe, expect, it } from "vitest";
import { says } from "../../../agents/native/scripted.testing.ts";
import { setUp, shown } from "../serving.testing.ts";

describe("what is kept belongs to the token that it was asked with", () => {
  it("is not there for another token: answers, items, what follows them, and conversations under any name", async () => {
    for (const model of ["plinth", "scripted/m"]) {
      await using api = await setUp(says("ok"));
      const kept = await api.client.responses.create({ model, input: "A secret." });
      const { id: conversation } = await api.client.conversations.create();
      await api.client.responses.create({ model, input: "Another.", conversation });
      await api.client.responses.create({ model, input: "A third.", conversation: "mine" });
      expect((await api.client.responses.retrieve(kept.id)).id).toBe(kept.id);
      const asked = api.seen.length;

      const { client: other } = await api.another();
      const item = { type: "item_reference" as const, id: kept.output[0]!.id! };
      const attempts: [() => PromiseLike<unknown>, object][] = [
        [() => other.responses.retrieve(kept.id), { status: 404 }],
        [() => other.responses.delete(kept.id), { status: 404 }],
        [
          () => other.responses.create({ model, input: "What?", previous_response_id: kept.id }),
          { status: 400, code: "previous_response_not_found" },
        ],
        [() => other.responses.create({ model, input: [item, { role: "user", content: "What?" }] }), { status: 400, param: "input[0]" }],
        [() => other.responses.create({ model, input: "What?", conversation }), { status: 404, param: "conversation" }],
        [() => other.responses.create({ model, input: "What?", conversation: "mine" }), { status: 404, param: "conversation" }],
        [() => other.responses.create({ model, input: "What?", conversation: "conv_nobody" }), { status: 404, param: "conversation" }],
        ...["mine", conversation, kept.id].map((session): [() => PromiseLike<unknown>, object] => [
          () =>
            other.chat.completions.create({ model, messages: [{ role: "user", content: "What?" }] }, { headers: { "x-plinth-session": session } }),
          { status: 404, param: "conversation" },
        ]),
      ];
      for (const [attempt, refusal] of attempts) await expect(attempt(), String(attempt)).rejects.toMatchObject(refusal);
      expect(api.seen).toHaveLength(asked);
      await other.responses.create({ model, input: "What?", conversation: "others" });
      expect(shown(api.seen.at(-1))).toEqual(["user: What?"]);
    }
  });
});

describe("several requests at once", () => {
  it("that follow one answer branch off from it, and hear nothing of each other", async () => {
    for (const model of ["plinth", "scripted/m"]) {
      await using api = await setUp(says("ok"));
      const { id } = await api.client.responses.create({ model, input: "One" });
      const ask = (input: string) => api.client.responses.create({ model, input, previous_response_id: id });
      const answers = await Promise.all(["A", "B", "C"].map(ask));
      expect(api.seen.slice(1).map(shown).sort()).toEqual(["A", "B", "C"].map((said) => ["user: One", "assistant: ok", `user: ${said}`]));
      for (const [at, said] of ["A", "B", "C"].entries()) {
        await api.client.responses.create({ model, input: "And?", previous_response_id: answers[at]!.id });
        expect(shown(api.seen.at(-1))).toEqual(["user: One", "assistant: ok", `user: ${said}`, "assistant: ok", "user: And?"]);
      }
    }
  });

  it("in one conversation are refused but for the first, as long as its answer is made", async () => {
    for (const model of ["plinth", "scripted/m"]) {
      const going = Promise.withResolvers<void>();
      const begun = Promise.withResolvers<void>();
      await using api = await setUp(async function* () {
        begun.resolve();
        await going.promise;
        yield* says("One.");
      }, says("Two."));
      const { id: conversation } = await api.client.conversations.create();
      const first = api.client.responses.create({ model, input: "A", conversation });
      await begun.promise;
      await expect(api.client.responses.create({ model, input: "B", conversation })).rejects.toMatchObject({
        status: 409,
        code: "conversation_locked",
      });
      going.resolve();
      await first;
      await api.client.responses.create({ model, input: "B", conversation });
      expect(shown(api.seen.at(-1))).toEqual(["user: A", "assistant: One.", "user: B"]);
    }
  });
});
