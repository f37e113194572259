import { join } from "node:path";
import { build } from "esbuild";

const WORDS = { run: "at once", ask: "**asked**" };
const LEVELS = {
  owner: "you, the product, a model that you set up",
  granted: "a third party that you allowed this effect",
  untrusted: "any other third party, text from outside, guests",
};

/** What a turn may do by itself, from the data that the host decides by (manifests/origin/authority.ts). */
export async function authorityTable(root) {
  const result = await build({
    entryPoints: [join(root, "manifests/origin/authority.ts")],
    bundle: true,
    format: "esm",
    write: false,
    logLevel: "error",
  });
  const {
    AUTHORITY,
    EFFECTS,
    EFFECT_WORDS,
    LEVELS: order,
  } = await import(`data:text/javascript;base64,${Buffer.from(result.outputFiles[0].text).toString("base64")}`);
  const rows = EFFECTS.map(
    (effect) => `| ${effect} | ${EFFECT_WORDS[effect]} | ${order.map((level) => WORDS[AUTHORITY[level][effect]]).join(" | ")} |`,
  );
  return [`| effect | | ${order.map((level) => LEVELS[level]).join(" | ")} |`, `| --- | --- | ${order.map(() => "---").join(" | ")} |`, ...rows].join(
    "\n",
  );
}
