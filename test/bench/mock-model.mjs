// An OpenAI-compatible model that answers at once: what remains of a turn's time is the host's own.
import { createServer } from "node:http";

const chunk = (delta, finish = null) =>
  `data: ${JSON.stringify({ id: "c1", object: "chat.completion.chunk", created: 1, model: "mock-1", choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
const answer =
  chunk({ role: "assistant", content: "" }) +
  chunk({ content: "Hello" }) +
  chunk({ content: " there." }) +
  chunk({}, "stop") +
  `data: ${JSON.stringify({ id: "c1", object: "chat.completion.chunk", created: 1, model: "mock-1", choices: [], usage: { prompt_tokens: 10, completion_tokens: 3, total_tokens: 13 } })}\n\ndata: [DONE]\n\n`;
const models = JSON.stringify({ object: "list", data: [{ id: "mock-1", object: "model", created: 1, owned_by: "mock" }] });

/** A message `use TOOL` is answered by a call of the tool. */
function toolCall(body) {
  const { content } = JSON.parse(body).messages.at(-1);
  const name = /^use (\S+)$/.exec(typeof content === "string" ? content : (content?.[0]?.text ?? ""))?.[1];
  if (name === undefined) return answer;
  const call = { index: 0, id: `call-${name}`, type: "function", function: { name, arguments: "{}" } };
  return `${chunk({ role: "assistant", tool_calls: [call] })}${chunk({}, "tool_calls")}data: [DONE]\n\n`;
}

const reply = (chunks) => {
  const body = Buffer.concat(chunks);
  return body.includes("use ") ? toolCall(body.toString("utf8")) : answer;
};

const server = createServer((request, response) => {
  const chunks = [];
  request.on("data", (data) => chunks.push(data));
  request.on("end", () => {
    if (request.url.endsWith("/models")) return response.writeHead(200, { "content-type": "application/json" }).end(models);
    response.writeHead(200, { "content-type": "text/event-stream" }).end(reply(chunks));
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}/v1` })));
process.on("disconnect", () => process.exit(0));
