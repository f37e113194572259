import { connect, newHome, startGateway } from "../lab.mjs";

export async function measure(row) {
  const gateway = await startGateway(newHome());
  const one = await connect(gateway);
  await flood([one], 32, 3_000);
  row({ what: "WebSocket RPC `health`, 1 connection", value: await flood([one], 32, 20_000), unit: "rt/s", budget: 5_000, better: "higher" });
  const many = await Promise.all(Array.from({ length: 32 }, () => connect(gateway)));
  row({ what: "WebSocket RPC `health`, 32 connections", value: await flood(many, 8, 40_000), unit: "rt/s", budget: 12_000, better: "higher" });
  for (const client of [one, ...many]) client.close();
  await gateway.stop();
}

async function flood(clients, inFlight, total) {
  let left = total;
  const began = performance.now();
  await Promise.all(
    clients.flatMap((client) =>
      Array.from({ length: inFlight }, async () => {
        while (left-- > 0) await client.request("health");
      }),
    ),
  );
  return total / ((performance.now() - began) / 1000);
}
