import { existsSync } from "node:fs";
import type { SpeechItem, SpeechRequest } from "@plinth/sdk";
import { createTestHost, describeConformance, speechConformance, type TestHost } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import runner from "../../operations/program-runner/index.ts";
import runnerManifest from "../../operations/program-runner/plinth.json" with { type: "json" };
import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };
import { voiceFor, voicesIn } from "./voices.ts";
import { soundIn, wavHead } from "./wav.ts";

const opened = () =>
  createTestHost({
    extensions: [
      { manifest, extension },
      { manifest: runnerManifest, extension: runner },
    ],
  });

const LISTED = `Pty Language       Age/Gender VoiceName          File                 Other Languages
 5  de              --/M      German             gmw/de
 2  en-gb           --/M      English_(Great_Britain) gmw/en              (en 2)
 5  en-us           --/F      English_(America)  gmw/en-US            (en 3)
 5  --option        --/M      Hostile            x
 5  en-us           --/M      Again              y
`;

describe("the voices that espeak-ng lists", () => {
  it("are one for each language, and none that could be an option", () => {
    expect(voicesIn(LISTED).map(({ id, title, labels }) => [id, title, labels?.gender])).toEqual([
      ["de", "German", "male"],
      ["en-gb", "English (Great Britain)", "male"],
      ["en-us", "English (America)", "female"],
    ]);
  });

  it("are found by a language, or the nearest", () => {
    const voices = voicesIn(LISTED);
    expect(["de-AT", "en", "en-US", "xx"].map((language) => voiceFor(language, voices))).toEqual(["de", "en-gb", "en-us", undefined]);
  });
});

it("a recording that came through a pipe gets a head with its length", () => {
  const samples = new Uint8Array([1, 2, 3, 4]);
  const head = wavHead({ rate: 22_050, channels: 1, samples }, 4);
  const read = soundIn(new Uint8Array([...head, ...samples]));
  expect(read).toEqual({ rate: 22_050, channels: 1, samples });
  expect(soundIn(new TextEncoder().encode("no sound"))).toBe(undefined);
});

// Where the program is: it is no part of Plinth.
describe.runIf(existsSync("/usr/bin/espeak-ng"))("speech of espeak-ng", () => {
  describeConformance({ describe, it }, "espeak-ng", speechConformance, {
    open: async () => {
      const host = await opened();
      return { provider: host.use("plinth.speech").get("espeak"), close: () => host.close() };
    },
    good: { lines: [{ text: "Hello there.", voice: "en-us" }] },
    bad: { lines: [{ text: "Hello.", voice: "-h" }] },
    unsupported: { lines: [{ text: "Hello." }], instructions: "Whisper." },
  });

  let host: TestHost;
  beforeEach(async () => {
    host = await opened();
  });
  afterEach(() => host.close());

  async function speak(request: SpeechRequest) {
    const items: SpeechItem[] = [];
    for await (const item of host.use("plinth.speech").get("espeak").speak(request)) items.push(item);
    const end = items.at(-1);
    const bytes = Buffer.concat(items.flatMap((item) => (item.type === "audio" ? [Buffer.from(item.base64, "base64")] : [])));
    return { items, bytes, seconds: end?.type === "end" ? end.seconds! : 0 };
  }

  it("is one recording with a head that says how long it is, faster where that is wanted", async () => {
    const lines = [{ text: "One." }, { text: "Zwei.", voice: "de" }];
    const { bytes, seconds } = await speak({ lines });
    expect(bytes.toString("latin1", 0, 4)).toBe("RIFF");
    expect(bytes.readUInt32LE(4)).toBe(bytes.length - 8);
    expect(bytes.readUInt32LE(40)).toBe(bytes.length - 44);
    const fast = await speak({ lines, speed: 2 });
    expect(fast.seconds).toBeLessThan(seconds);
  });

  it("gets the text as data, whatever it looks like", async () => {
    const { seconds } = await speak({ lines: [{ text: "--help -f /etc/passwd $(id)" }], format: "pcm" });
    expect(seconds).toBeGreaterThan(0.5);
    await expect(speak({ lines: [{ text: "x".repeat(30_000) }] })).rejects.toMatchObject({ code: "PLINTH_MODEL_CONTEXT" });
    await expect(speak({ lines: [{ text: "Hi" }], format: "opus", onUnsupported: "drop" })).rejects.toMatchObject({ details: { param: "format" } });
    await expect(speak({ lines: [{ text: "Hi" }], language: "tlh" })).rejects.toMatchObject({ details: { param: "language" } });
  });
});
