import { join } from "node:path";
import { connect, median, newHome, root, startGateway, startMock, treeRss } from "../lab.mjs";
import { installData } from "../packages.mjs";

export async function measure(row) {
  const mock = await startMock();
  const env = { OPENAI_API_KEY: "bench", OPENAI_BASE_URL: mock.url };
  const home = newHome();
  const ready = [];
  const first = [];
  const rss = [];
  for (let run = 0; run < 7; run++) {
    const gateway = await startGateway(home, env);
    const client = await connect(gateway);
    if (run > 0) ready.push(gateway.readyMs);
    await new Promise((resolve) => setTimeout(resolve, 700));
    rss.push(treeRss(gateway.pid));
    const began = performance.now();
    await client.turn("hello", `first-${run}`);
    if (run > 0) first.push(performance.now() - began);
    client.close();
    await gateway.stop();
  }
  row({ what: "gateway, spawn to ready", value: median(ready), unit: "ms", budget: 600 });
  row({ what: "idle RSS of the gateway's process tree", value: median(rss), unit: "MiB", budget: 130 });
  row({ what: "first turn after start", value: median(first), unit: "ms", budget: 150 });

  const full = newHome();
  await installData(join(root, "dist"), full, 200);
  const crowded = [];
  const empty = [];
  for (let run = 0; run < 6; run++) {
    const a = await startGateway(home, env);
    await a.stop();
    const b = await startGateway(full, env);
    await b.stop();
    if (run > 0) {
      empty.push(a.readyMs);
      crowded.push(b.readyMs);
    }
  }
  row({
    what: "start, for each further installed extension (200, not active)",
    value: Math.max(0, (median(crowded) - median(empty)) / 200),
    unit: "ms",
    budget: 1,
  });
}
