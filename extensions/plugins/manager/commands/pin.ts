import { type Context, PlinthError } from "@plinth/sdk";
import type { Operation } from "../operation.ts";
import { code, safe } from "../report.ts";
import { installedOf, readWorld, settingsIn } from "../world.ts";

interface Pinned {
  id: string;
  version: string | undefined;
  generation: number;
}

export function pin(ctx: Context): Operation {
  return {
    name: "pin",
    summary: "Hold an extension at a version, in the configuration",
    access: "owner",
    args: [
      { name: "id", summary: "Such as demo.dice", required: true },
      { name: "version", summary: "A version or range that the installed one fits; none for exactly that one" },
    ],
    examples: ["pin demo.dice", "pin demo.dice ~1.0"],
    async *run({ input, signal }): AsyncGenerator<string, Pinned> {
      const id = String(input.id);
      const world = await readWorld(ctx);
      const { manifest } = installedOf(world, id);
      const version = typeof input.version === "string" ? input.version : manifest.version;
      const { default: semver } = await import("semver");
      if (!semver.satisfies(manifest.version, version, { includePrerelease: true })) {
        throw new PlinthError("PLINTH_PINNED", `${id} ${manifest.version} is installed, which is not ${JSON.stringify(version.slice(0, 60))}.`, {
          next: `Install that version first: plinth plugins install ${id}@${version.slice(0, 60)}`,
        });
      }
      yield `Pinning ${safe(id, 120)} …`;
      const found = world.config.extensions?.[id];
      const path = `extensions["${id}"]${typeof found === "object" ? ".version" : ""}`;
      const { generation } = await ctx.use("plinth.host-admin").one().configSet({ path, value: version }, { signal });
      return { id, version, generation };
    },
    report: ({ id, version }: Pinned) => ({ blocks: [{ text: `${code(id)} is held at ${code(String(version))}: updates leave it there.` }] }),
  };
}

export function unpin(ctx: Context): Operation {
  return {
    name: "unpin",
    summary: "Let updates move an extension again",
    access: "owner",
    args: [{ name: "id", summary: "Such as demo.dice", required: true }],
    examples: ["unpin demo.dice"],
    async *run({ input, signal }): AsyncGenerator<string, Pinned> {
      const id = String(input.id);
      const { config } = await readWorld(ctx);
      const { version } = settingsIn(config, id);
      if (version === undefined) {
        throw new PlinthError("PLINTH_PINNED", `${safe(id, 120)} is not pinned.`, {
          next: `plinth plugins why ${safe(id, 120)} says what holds it.`,
        });
      }
      yield `Letting ${safe(id, 120)} go …`;
      const found = config.extensions?.[id];
      const rest = typeof found === "object" && Object.keys(found).length > 1;
      const path = `extensions["${id}"]${rest ? ".version" : ""}`;
      const { generation } = await ctx.use("plinth.host-admin").one().configSet({ path }, { signal });
      return { id, version: undefined, generation };
    },
    report: ({ id }: Pinned) => ({ blocks: [{ text: `${code(id)} is not pinned any more.` }] }),
  };
}
