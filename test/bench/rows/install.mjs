import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { connect, median, newHome, node, root, startGateway } from "../lab.mjs";

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
  const builds = [];
  for (let run = 0; run < 3; run++) {
    const began = performance.now();
    spawnSync(node, [join(root, ".ci/build.mjs")], { stdio: "ignore" });
    builds.push(performance.now() - began);
  }
  row({ what: "build of everything, cold", value: median(builds), unit: "ms", budget: 3_000 });
}
