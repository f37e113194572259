import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { HOST_FLAG, newHome, node, root } from "../lab.mjs";

/** 500 generations and 500 isolates of one extension, in a host that does nothing else. */
export async function measure(row) {
  const output = execFileSync(node, ["--expose-gc", HOST_FLAG, join(root, "test/bench/reloading.mjs"), newHome()], { encoding: "utf8" });
  const { growth, each, tree } = JSON.parse(output.trim().split("\n").at(-1));
  row({ what: "500 reloads of one extension (after 200), RSS growth of the host", value: Math.max(0, growth), unit: "MiB", budget: 8 });
  row({ what: "one reload with its next call (isolate tier)", value: each, unit: "ms" });
  row({ what: "process tree after the reloads", value: tree, unit: "MiB" });
}
