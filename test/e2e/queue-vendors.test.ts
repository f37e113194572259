import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { PlainServer } from "@plinth/sdk/testing";
import { afterEach, expect, it } from "vitest";
import { comfyServer, putWorkflows } from "../../extensions/models/comfyui/comfyui.testing.ts";
import { falServer } from "../../extensions/models/fal/fal.testing.ts";
import { runwayServer } from "../../extensions/models/runway/runway.testing.ts";
import { asker } from "./asker.ts";
import { cleanUp, newHome, onCleanUp, plinth } from "./lab.ts";

afterEach(cleanUp);

interface Vendor {
  readonly id: string;
  /** The secret with its key, and what of it stands in the header `authorization` at the server. */
  readonly key?: readonly [name: string, value: string, header: string];
  /** What it makes, by what it is asked for. */
  readonly makes: Readonly<Record<string, string>>;
  server(): Promise<PlainServer>;
  /** What of its address comes after its host. */
  readonly path?: string;
  /** Where its address is set, if it is no vendor's. */
  readonly own?: string;
  /** What a person does before. */
  prepare?(home: string): Promise<void>;
}

const vendors: readonly Vendor[] = [
  {
    ...{ id: "fal", key: ["FAL_KEY", "k", "Key k"], server: falServer },
    makes: { "plinth.image-generation": "image/png", "plinth.video-generation": "video/mp4", "plinth.music-generation": "audio/mpeg" },
  },
  {
    ...{ id: "runway", key: ["RUNWAYML_API_SECRET", "k", "Bearer k"], path: "/v1", server: runwayServer },
    makes: { "plinth.image-generation": "image/png", "plinth.video-generation": "video/mp4" },
  },
  {
    ...{ id: "comfyui", own: "plinth.comfyui", server: comfyServer, prepare: putWorkflows },
    makes: { "plinth.image-generation": "image/png", "plinth.video-generation": "video/mp4", "plinth.music-generation": "audio/mpeg" },
  },
];

it.each(vendors)(
  "$id is installed from the product's own disk, and makes what it is asked for",
  async ({ id, key, makes, own, path = "", prepare, server: begin }) => {
    const server = await begin();
    onCleanUp(() => server.close());
    const home = await newHome();
    const addressed =
      own === undefined
        ? { "plinth.models": { config: { vendors: { [id]: { baseUrl: `${server.url}${path}` } } } } }
        : { [own]: { config: { baseUrl: server.url } } };
    await writeFile(join(home, "plinth.json"), JSON.stringify({ extensions: { ...addressed, "plinth.plugins": { config: { registries: [] } } } }));
    const run = async (...words: string[]) => {
      const { code: status, stdout, stderr } = await plinth(home, words, key === undefined ? {} : { [key[0]]: key[1] });
      expect(status, `${stdout}${stderr}`).toBe(0);
      return stdout;
    };
    await run("plugins", "install", `plinth.${id}`, "--yes");
    await run("plugins", "install", await asker(home), "--yes");
    await prepare?.(home);
    for (const [contract, mimeType] of Object.entries(makes)) {
      expect(await run("models", "--for", contract.replace("plinth.", ""))).toMatch(new RegExp(`^${id} .* ready`, "m"));
      const items = JSON.parse(await run("ask", contract, JSON.stringify({ prompt: "A stone." })));
      expect(items.find(({ type }: { type: string }) => type === "part")).toMatchObject({ part: { mimeType } });
      expect(items.at(-1)).toMatchObject({ type: "end", reason: "done" });
      expect(items.find(({ type }: { type: string }) => type === "job").job).toMatch(new RegExp(`^${id}/`));
    }
    const proofs = server.requests.filter(({ path }) => !path.startsWith("/files/")).map(({ headers }) => headers.authorization);
    expect([...new Set(proofs)]).toEqual([key?.[2]]);
  },
  120_000,
);
