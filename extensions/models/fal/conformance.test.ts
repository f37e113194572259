import {
  describeConformance,
  imageGenerationConformance,
  modelVendorConformance,
  musicGenerationConformance,
  speechConformance,
  videoGenerationConformance,
} from "@plinth/sdk/testing";
import { describe, expect, it } from "vitest";
import { apis, endpointFor, opened, reached } from "./fal.testing.ts";
import manifest from "./plinth.json" with { type: "json" };

const opening = (purpose: "plinth.image-generation" | "plinth.video-generation" | "plinth.music-generation" | "plinth.speech") => async () => {
  const { server, host, close } = await opened();
  return { provider: reached(host.use(purpose).get("fal"), endpointFor(purpose, server.url)) as any, close };
};
const subject = { bad: { prompt: "Something forbidden." }, slow: { prompt: "A slow stone." } };

describeConformance({ describe, it }, "fal's pictures", imageGenerationConformance, {
  open: opening("plinth.image-generation"),
  good: { prompt: "A stone.", count: 2 },
  unsupported: { prompt: "A stone.", background: "transparent" },
  ...subject,
});
describeConformance({ describe, it }, "fal's films", videoGenerationConformance, {
  open: opening("plinth.video-generation"),
  good: { prompt: "A stone." },
  unsupported: { prompt: "A stone.", fps: 12 },
  ...subject,
});
describeConformance({ describe, it }, "fal's music", musicGenerationConformance, {
  open: opening("plinth.music-generation"),
  good: { prompt: "Drums." },
  unsupported: { prompt: "Drums.", lyrics: "La" },
  ...subject,
});
describeConformance({ describe, it }, "fal's speech", speechConformance, {
  open: opening("plinth.speech"),
  good: { lines: [{ text: "Hello there.", voice: "Wise_Woman" }] },
  bad: { lines: [{ text: "Something forbidden." }] },
  unsupported: { lines: [{ text: "Hello." }], instructions: "Whisper." },
});

describe("fal as a vendor", () => {
  for (const one of modelVendorConformance) it(one.name, () => one.run({ manifest: manifest as never, id: "fal" }));

  it("describes inputs of models that it has, with ways for the files that they take", () => {
    for (const [purpose, { quirks, models }] of Object.entries(apis)) {
      const { forms } = quirks as { forms: Record<string, { ways?: object }> };
      const ids = models.map(({ id }) => id);
      for (const id of Object.keys(forms)) expect(ids, purpose).toContain(id);
      for (const { id, takes = [] } of models as { id: string; takes?: string[] }[]) {
        const ways = Object.keys(forms[id]?.ways ?? {}).flatMap((name) => name.split("+"));
        for (const field of ["first", "last", "references"]) expect(takes.includes(field), `${id} ${field}`).toBe(ways.includes(field));
      }
    }
  });
});
