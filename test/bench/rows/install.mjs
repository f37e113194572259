import { connect, median, newHome, startGateway } from "../lab.mjs";

export async function measure(row) {
  const gateway = await startGateway(newHome());
  const client = await connect(gateway);
  const times = [];
  for (let run = 0; run < 5; run++) {
    const began = performance.now();
    await client.request("plugins.install", { spec: "demo.dice", yes: true });
    if (run > 0) times.push(performance.now() - began);
    await client.request("plugins.uninstall", { id: "demo.dice", yes: true });
  }
  row({ what: "install a package into the running gateway", value: median(times), unit: "ms", budget: 1_000 });
  client.close();
  await gateway.stop();
}
