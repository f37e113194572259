import { spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { copyOfHouse, edit, furnish } from "../house.mjs";
import { median, newHome, node, root, startGateway, treeRss } from "../lab.mjs";

const COUNT = 100;

/** What a hundred more first-party extensions cost: to build, and a host that has none of them installed. */
export async function measure(row) {
  const { house, remove } = copyOfHouse();
  try {
    row({ what: "build of everything, cold, best of 3", value: cold(house), unit: "ms", budget: 3_000 });
    const dirs = furnish(house, COUNT);
    row({ what: `the same with ${COUNT} more first-party extensions`, value: cold(house), unit: "ms", budget: 5_000 });
    const edited = [];
    for (let run = 1; run <= 5; run++) {
      edit(dirs[run], run, run);
      edited.push(build(house));
    }
    row({ what: "build after one line of one of them was edited, best of 5", value: Math.min(...edited), unit: "ms", budget: 2_000 });
    const { packages } = JSON.parse(readFileSync(join(house, "dist/product.json"), "utf8"));
    if (Object.keys(packages).length < COUNT) throw new Error("they are not in the product");
    const [few, many] = [
      { ready: [], rss: [] },
      { ready: [], rss: [] },
    ];
    for (let run = 0; run < 6; run++) {
      await start(root, few);
      await start(house, many);
    }
    const one = (values) => median(values.slice(1));
    row({ what: "gateway, spawn to ready, product as it is", value: one(few.ready), unit: "ms" });
    row({ what: `the same with ${COUNT} more first-party packages, none installed`, value: one(many.ready), unit: "ms" });
    row({
      what: "start for each further first-party package",
      value: Math.max(0, one(many.ready) - one(few.ready)) / COUNT,
      unit: "ms",
      budget: 0.1,
    });
    row({ what: "idle RSS, product as it is", value: one(few.rss), unit: "MiB" });
    row({ what: `the same with ${COUNT} more first-party packages, none installed`, value: one(many.rss), unit: "MiB" });
  } finally {
    remove();
  }
}

function cold(house) {
  const times = [];
  for (let run = 0; run < 3; run++) {
    for (const made of ["dist", "node_modules/.cache", "manifests/generated", "manifests/check/generated"])
      rmSync(join(house, made), { recursive: true, force: true });
    times.push(build(house));
  }
  return Math.min(...times);
}

function build(house) {
  const began = performance.now();
  const { status, stderr } = spawnSync(node, [join(house, ".ci/build.mjs")], { stdio: ["ignore", "ignore", "pipe"], encoding: "utf8" });
  if (status !== 0) throw new Error(`the build failed: ${stderr}`);
  return performance.now() - began;
}

async function start(from, { ready, rss }) {
  const gateway = await startGateway(newHome(), { PLINTH_DIST: join(from, "dist") });
  ready.push(gateway.readyMs);
  await new Promise((resolve) => setTimeout(resolve, 700));
  rss.push(treeRss(gateway.pid));
  await gateway.stop();
}
