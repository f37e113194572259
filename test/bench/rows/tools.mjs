import { connect, median, newHome, startGateway } from "../lab.mjs";

/** A turn in which the offline model calls one tool: model, tool, model again. */
export async function measure(row) {
  const gateway = await startGateway(newHome());
  const client = await connect(gateway);
  await client.turn("hello", "warm");
  const began = performance.now();
  await client.turn("read README.md", "first");
  row({ what: "first turn with a tool call", value: performance.now() - began, unit: "ms" });
  const times = [];
  for (let index = 0; index < 200; index++) {
    const start = performance.now();
    await client.turn("read README.md", `tool-${index % 10}`);
    times.push(performance.now() - start);
  }
  row({ what: "turn with one tool call (offline model), p50", value: median(times), unit: "ms", budget: 31 });
  client.close();
  await gateway.stop();
}
