import { afterEach, expect, it } from "vitest";
import { cleanUp, connect, newHome, say, scriptedModel, startGateway } from "./lab.ts";

afterEach(cleanUp);

const MOST_CHARS = 6_000;

/** As small servers refuse what is too long. */
const REFUSAL = JSON.stringify({
  error: {
    message: "This model's maximum context length is 1500 tokens. However, your messages resulted in more.",
    type: "invalid_request_error",
    code: "context_length_exceeded",
  },
});

it("a conversation with a model of 1,500 tokens goes on: nothing is asked twice that was too long, and what was named is not lost", async () => {
  const refused: string[] = [];
  const model = await scriptedModel((body, _request, response) => {
    const messages = JSON.stringify(body.messages);
    if (messages.length <= MOST_CHARS)
      return say(response, body.messages[0].content.includes("You sum up") ? "They talked." : `Fine. ${"word ".repeat(200)}`);
    expect(refused).not.toContain(messages);
    refused.push(messages);
    response.writeHead(400, { "content-type": "application/json" }).end(REFUSAL);
  });
  const client = await connect(await startGateway(await newHome(), model.env));
  const ends = [];
  for (const text of ["My boat is called Kestrel.", ...Array.from({ length: 11 }, (_, at) => `question ${at}`)])
    ends.push((await client.turn(text)).at(-1));
  expect(ends.map(({ status }) => status)).toEqual(ends.map(() => "ok"));
  const [, first] = model.requests.at(-1).messages;
  expect(first.content).toMatch(/^\[From plinth\/summary, not from the owner\.\]\nEarlier messages of this conversation are left out here\./);
  expect(first.content).toContain("Kestrel");
  const { entries } = await client.request("chat.history", {});
  expect(entries.some(({ body }: any) => body.kind === "compaction")).toBe(true);
  expect(JSON.stringify(entries)).toContain("My boat is called Kestrel.");
  expect(refused.length).toBeLessThanOrEqual(2);
}, 60_000);
