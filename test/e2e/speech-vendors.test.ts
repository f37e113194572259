import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { PlainServer } from "@plinth/sdk/testing";
import { afterEach, expect, it } from "vitest";
import { azureSpeechServer } from "../../extensions/models/azure-speech/azure-speech.testing.ts";
import { recordingOf as deepgramRecording, deepgramServer } from "../../extensions/models/deepgram/deepgram.testing.ts";
import { recordingOf as elevenlabsRecording, elevenlabsServer } from "../../extensions/models/elevenlabs/elevenlabs.testing.ts";
import { recordingOf as gradiumRecording, gradiumServer } from "../../extensions/models/gradium/gradium.testing.ts";
import { recordingOf as inworldRecording, inworldServer } from "../../extensions/models/inworld/inworld.testing.ts";
import { vydraServer } from "../../extensions/models/vydra/vydra.testing.ts";
import { asker } from "./asker.ts";
import { cleanUp, newHome, onCleanUp, plinth } from "./lab.ts";

afterEach(cleanUp);

interface Vendor {
  readonly id: string;
  readonly key: string;
  /** The header with the key, as it is at the server. */
  readonly proof: readonly [header: string, value: string];
  server(): Promise<PlainServer>;
  /** A recording in which this is said; absent: it writes nothing down. */
  recording?(text: string): string;
  readonly sings?: true;
}

const vendors: readonly Vendor[] = [
  {
    ...{ id: "elevenlabs", key: "ELEVENLABS_API_KEY", proof: ["xi-api-key", "the key"], sings: true },
    ...{ server: elevenlabsServer, recording: elevenlabsRecording },
  },
  {
    ...{ id: "deepgram", key: "DEEPGRAM_API_KEY", proof: ["authorization", "Token the key"] },
    ...{ server: deepgramServer, recording: deepgramRecording },
  },
  // Its transcription has an address of its own, which follows from the region alone.
  { id: "azure-speech", key: "AZURE_SPEECH_KEY", proof: ["ocp-apim-subscription-key", "the key"], server: azureSpeechServer },
  {
    ...{ id: "inworld", key: "INWORLD_API_KEY", proof: ["authorization", "Basic the key"] },
    ...{ server: inworldServer, recording: inworldRecording },
  },
  {
    ...{ id: "gradium", key: "GRADIUM_API_KEY", proof: ["x-api-key", "the key"] },
    ...{ server: gradiumServer, recording: gradiumRecording },
  },
  { id: "vydra", key: "VYDRA_API_KEY", proof: ["authorization", "Bearer the key"], server: vydraServer },
];

it.each(vendors)(
  "$id is installed from the product's own disk, is asked with its key, and says and writes down",
  async (vendor) => {
    const { id, key, proof, recording, sings } = vendor;
    const server = await vendor.server();
    onCleanUp(() => server.close());
    const home = await newHome();
    const models = { config: { vendors: { [id]: { baseUrl: server.url } } } };
    await writeFile(
      join(home, "plinth.json"),
      JSON.stringify({ extensions: { "plinth.models": models, "plinth.plugins": { config: { registries: [] } } } }),
    );
    const run = async (...words: string[]) => {
      const { code: status, stdout, stderr } = await plinth(home, words, { [key]: "the key" });
      expect(status, `${stdout}${stderr}`).toBe(0);
      return stdout;
    };
    await run("plugins", "install", `plinth.${id}`, "--yes");
    await run("plugins", "install", await asker(home), "--yes");
    expect(await run("models", "--for", "speech")).toMatch(new RegExp(`^${id} .* ready`, "m"));
    const ask = async (contract: string, input: object) => JSON.parse(await run("ask", contract, JSON.stringify(input)));

    const items = await ask("plinth.speech", { lines: [{ text: "Hello there." }] });
    const sound = Buffer.concat(items.map(({ base64 = "" }) => Buffer.from(base64, "base64"))).toString("latin1");
    expect(sound).toContain("Hello there.");
    expect(items.at(-1).type).toBe("end");
    expect(server.requests.findLast(({ method }) => method === "POST")?.headers[proof[0]]).toBe(proof[1]);
    if (recording !== undefined) {
      const audio = { type: "audio", mimeType: "audio/wav", base64: recording("the quick brown fox") };
      expect((await ask("plinth.transcription", { audio })).at(-1).text).toContain("quick brown fox");
    }
    if (sings === true) expect((await ask("plinth.music-generation", { prompt: "A waltz." })).at(-1)).toMatchObject({ type: "end", reason: "done" });
  },
  120_000,
);
