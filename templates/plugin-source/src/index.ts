import { defineExtension, PlinthError } from "@plinth/sdk";
import type { Manifest } from "./manifest.ts";

const NAME = /^[a-z0-9][a-z0-9._-]{0,120}$/;
const MAX_BYTES = 2 * 1024 * 1024;

export default defineExtension<Manifest>({
  activate(ctx) {
    let fetched = 0;
    ctx.provide("plinth.plugin-source", "__NAME__", {
      async fetch({ spec, cwd, into }, { signal, work }) {
        if (work?.principal.role !== "owner") {
          throw new PlinthError("PLINTH_NOT_OWNER", "Only the owner of this host may fetch extensions.", { next: "Ask the owner to do it." });
        }
        if (!NAME.test(spec)) {
          throw new PlinthError("PLINTH_SPEC", `${JSON.stringify(spec.slice(0, 200))} cannot be a package here.`, { next: "Write it as NAME-VERSION." });
        }
        const url = `${ctx.config.server.replace(/\/$/, "")}/${spec}.tgz`;
        const response = await ctx.fetch(url, { signal, maxBytes: MAX_BYTES });
        if (!response.ok) {
          throw new PlinthError("PLINTH_PACKAGE_MISSING", `${url} answered ${response.status}.`, { next: "Check the package's name and version." });
        }
        const chunks: Uint8Array[] = [];
        for await (const chunk of response.body) chunks.push(chunk);
        const file = `${++fetched}.tgz`;
        await ctx.files.write(`data/${file}`, joined(chunks));
        try {
          // Unpacking is the host's: it checks each name, size and link. So does what follows, whatever the source.
          const archive = ctx.use("plinth.plugin-source").get("archive");
          const { integrity } = await archive.fetch({ spec: `${ctx.dataDir}/${file}`, cwd, into }, { signal });
          return { source: `__NAME__:${spec}`, ...(integrity === undefined ? {} : { integrity }) };
        } finally {
          await ctx.files.remove(`data/${file}`);
        }
      },
    });
  },
});

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
