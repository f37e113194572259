import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { elementsIn } from "./azure-speech.testing.ts";
import { localeOf, ssmlOf } from "./ssml.ts";

const plain = { marked: false };

describe("SSML", () => {
  it("is as the reference has it, a voice for each", () => {
    const said = [
      { text: "Good morning!", voice: "en-US-AvaMultilingualNeural" },
      { text: "Tom & <Jerry>", voice: "en-US-AndrewMultilingualNeural" },
    ];
    expect(ssmlOf(said, plain)).toBe(
      '<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis" xmlns:mstts="https://www.w3.org/2001/mstts" xml:lang="en-US">' +
        '<voice name="en-US-AvaMultilingualNeural">Good morning!</voice>' +
        '<voice name="en-US-AndrewMultilingualNeural">Tom &amp; &lt;Jerry&gt;</voice></speak>',
    );
    const all = ssmlOf([said[0]!], { ...plain, speed: 0.8, language: "de-DE", style: "cheerful" });
    expect(all).toContain('xml:lang="de-DE"><voice name="en-US-AvaMultilingualNeural"><mstts:express-as style="cheerful">');
    expect(all).toContain('<lang xml:lang="de-DE"><prosody rate="-20.00%">Good morning!</prosody></lang>');
  });

  it("is well-formed and says the text, whatever the text and the names are", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string(), fc.string(), fc.string(), (text, voice, language, style) => {
        const read = elementsIn(ssmlOf([{ text, voice }], { marked: false, speed: 1.3, language, style }));
        expect(read?.names.filter((name) => name !== "lang")).toEqual(["speak", "voice", "mstts:express-as", "prosody"]);
        expect(read?.text.length).toBe(
          [...text].map((one) => (/[^\t\n\r -\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/u.test(one) ? " " : one)).join("").length,
        );
      }),
    );
  });

  it("of the request's own stays as it is: a whole document, or what stands within a voice", () => {
    const own = '<speak version="1.0" xml:lang="en-US"><voice name="x">Hi <break/></voice></speak>';
    expect(ssmlOf([{ text: own, voice: "y" }], { marked: true })).toBe(own);
    expect(ssmlOf([{ text: 'Hi <break time="1s"/>', voice: "y" }], { marked: true })).toContain('<voice name="y">Hi <break time="1s"/></voice>');
    expect(ssmlOf([{ text: own, voice: "y" }], plain)).toContain("&lt;speak");
  });

  it("knows the language of a voice by its name", () => {
    const names = ["de-DE-KatjaNeural", "zh-CN-liaoning-XiaobeiNeural", "custom", "en-US-Ava:DragonHDLatestNeural"];
    expect(names.map(localeOf)).toEqual(["de-DE", "zh-CN-liaoning", "en-US", "en-US"]);
  });
});
