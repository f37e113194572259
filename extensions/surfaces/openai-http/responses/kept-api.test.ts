import { describe, expect, it } from "vitest";
import { says } from "../../../agents/native/scripted.testing.ts";
import { PIXEL, setUp, shown } from "../serving.testing.ts";

const all = async (list: AsyncIterable<any>) => {
  const items = [];
  for await (const one of list) items.push(one);
  return items;
};
const user = (content: string) => ({ role: "user" as const, content });

describe("what is kept can be asked for", () => {
  it("by what it was asked with, page by page", async () => {
    await using api = await setUp(says("ok"));
    const image_url = `data:image/png;base64,${PIXEL}`;
    const call = { type: "function_call" as const, call_id: "c", name: "look", arguments: "{}" };
    const input = [
      {
        role: "user" as const,
        content: [
          { type: "input_text" as const, text: "Hi" },
          { type: "input_image" as const, detail: "auto" as const, image_url },
        ],
      },
      call,
      { type: "function_call_output" as const, call_id: "c", output: "A cat." },
      ...["a", "b"].map(user),
    ];
    const { id } = await api.client.responses.create({ model: "scripted/m", input });
    const items = await all(api.client.responses.inputItems.list(id, { order: "asc", limit: 2 }));
    expect(items).toMatchObject([
      { type: "message", role: "user", content: [{ text: "Hi" }, { type: "input_image", image_url }] },
      { type: "function_call", call_id: "c", name: "look", arguments: "{}" },
      { type: "function_call_output", call_id: "c", output: [{ type: "input_text", text: "A cat." }] },
      ...["a", "b"].map((text) => ({ role: "user", content: [{ text }] })),
    ]);
    expect(new Set(items.map((one) => one.id)).size).toBe(5);
    expect((await all(api.client.responses.inputItems.list(id))).map((one) => one.id)).toEqual(items.map((one) => one.id).reverse());
    await api.client.responses.create({ model: "scripted/m", input: [{ type: "item_reference", id: items[4].id }] });
    expect(shown(api.seen.at(-1))).toEqual(["user: b"]);
    for (const [query, param] of [
      [{ limit: 0 }, "limit"],
      [{ order: "up" }, "order"],
      [{ after: "x" }, "after"],
    ] as const)
      await expect(all(api.client.responses.inputItems.list(id, query as never)), param).rejects.toMatchObject({ status: 400, param });
    await expect(all(api.client.responses.inputItems.list("resp_nobody123456"))).rejects.toMatchObject({ status: 404 });
    await expect(api.client.responses.cancel(id)).rejects.toMatchObject({ status: 400, message: expect.stringContaining("background") });
    await expect(api.client.responses.retrieve(id, { stream: true })).rejects.toMatchObject({ status: 400, param: "stream" });
  });

  it("carries instructions that were among the items, and none of `instructions`", async () => {
    await using api = await setUp(says("ok"));
    const { id } = await api.client.responses.create({
      ...{ model: "scripted/m", instructions: "Once." },
      input: [{ role: "developer", content: "Always." }, user("Hi")],
    });
    await api.client.responses.create({ model: "scripted/m", previous_response_id: id, input: "And?" });
    expect(api.seen[1].system).toEqual([{ type: "text", text: "Always." }]);
  });
});

describe("conversations", () => {
  it("are made, noted upon, read and deleted, and what is added to them is part of what was said", async () => {
    for (const model of ["plinth", "scripted/m"]) {
      await using api = await setUp(says("ok"));
      const { conversations, responses } = api.client;
      const { id, metadata } = await conversations.create({ metadata: { a: "b" }, items: [user("I am Ada.")] });
      expect(metadata).toEqual({ a: "b" });
      expect(await conversations.update(id, { metadata: { c: "d" } })).toMatchObject({ id, metadata: { c: "d" } });
      expect(await conversations.retrieve(id)).toMatchObject({ id, object: "conversation", metadata: { c: "d" } });
      await responses.create({ model, input: "Who am I?", conversation: id });
      expect(shown(api.seen.at(-1))).toEqual(["user: I am Ada.", "user: Who am I?"]);
      const added = await conversations.items.create(id, { items: [{ role: "assistant", content: "Besides." }, user("Aha.")] });
      expect(added.data).toMatchObject([{ role: "assistant" }, { role: "user" }]);
      await responses.create({ model, input: "And?", conversation: id });
      const said = ["user: I am Ada.", "user: Who am I?", "assistant: ok", "assistant: Besides.", "user: Aha.", "user: And?"];
      expect(shown(api.seen.at(-1))).toEqual(said);
      const items = await all(conversations.items.list(id, { order: "asc" }));
      expect(items.map(({ role, content }) => `${role}: ${content[0].text}`)).toEqual([...said, "assistant: ok"]);
      expect(await conversations.items.retrieve(items[1].id, { conversation_id: id })).toEqual(items[1]);
      expect(await conversations.delete(id)).toMatchObject({ deleted: true });
      const gone = { status: 404, param: "conversation" };
      await expect(conversations.retrieve(id)).rejects.toMatchObject(gone);
      await expect(responses.create({ model, input: "x", conversation: id })).rejects.toMatchObject(gone);
      await expect(conversations.items.list(id)).rejects.toMatchObject(gone);
    }
  });
});
