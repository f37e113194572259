/** Run as a program, by whoever it is started as: what the probe could do behind each wall, as JSON. Arguments: names of walls. */
import { found, isRoot, type Part, probed, selfTest } from "@plinth/sdk/tiers";

const WITHOUT: Readonly<Record<string, Part[]>> = {
  namespaces: [],
  Landlock: ["bubblewrap"],
  "the filter alone": ["bubblewrap", "landlock"],
  "a leash": ["bubblewrap", "landlock", "seccomp"],
};

const outcome: Record<string, unknown> = {};
for (const name of process.argv.slice(2)) {
  const tools = await found(WITHOUT[name]);
  const { bwrap, confine } = tools;
  const isHere =
    name === "namespaces"
      ? bwrap !== null && tools.filter
      : name === "Landlock"
        ? (confine?.landlock ?? 0) > 0
        : name === "a leash" || confine?.seccomp;
  outcome[name] = isHere
    ? {
        guest: await probed(tools, false),
        program: bwrap === null ? null : await probed(tools, true),
        leaks: bwrap === null ? null : await selfTest(tools),
      }
    : tools.why;
}
console.log(JSON.stringify({ root: isRoot(), outcome }));
