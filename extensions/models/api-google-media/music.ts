import type { Context, GenerationItem, MusicModel, MusicRequest, Provider } from "@plinth/sdk";
import { listing, mediaTypeOf, PurposeCall, ticking, wellFormed } from "@plinth/sdk/kits/model-api";
import { bytesOf, madeIn, methodUrl, nothing, textOf, vendorWishes } from "./content.ts";

/** What its models do not mind. */
const NEVER = ["negativePrompt", "count", "seed", "guidance", "steps", "moderation", "reference", "extend", "sampleRate", "bitRate"];
const ASK_MS = 170_000;
const MOST_ANSWER = 128 * 1_048_576;

/** `…:generateContent` of Lyria: https://ai.google.dev/gemini-api/docs/generate-content/music-generation */
export function music(ctx: Context): Provider<"plinth.music-generation"> {
  return {
    status: listing.status,
    models: (input) => listing.models<MusicModel>(input),
    async *generate(request, { signal }): AsyncGenerator<GenerationItem> {
      const call = new PurposeCall<MusicModel>(ctx, request, signal);
      const { exchange, server, unsupported } = call;
      const body = JSON.stringify(bodyOf(call, request));
      yield* unsupported.warnings;
      const headers = { accept: "application/json", "content-type": "application/json", ...server.endpoint.headers };
      const asking = exchange
        .ask(methodUrl(server, "generateContent"), { method: "POST", headers, body, timeoutMs: ASK_MS, maxBytes: MOST_ANSWER })
        .then((response) => exchange.read(response));
      const made = madeIn(yield* ticking(ctx.clock, asking, { type: "progress", state: "running" }, signal), server.title);
      const bytes = made.parts.map(bytesOf).find((one) => one !== undefined);
      if (bytes === undefined && made.withheld === undefined) throw nothing(server.title, "music", made);
      if (bytes !== undefined) {
        const part = await call.made("audio", mediaTypeOf("audio", bytes, server.title), bytes);
        const words = textOf(made);
        yield { type: "part", part: words === "" ? part : { ...part, transcript: words } };
      }
      if (Object.keys(made.usage).length > 0) yield { type: "usage", usage: made.usage };
      yield bytes === undefined ? { type: "end", reason: "filter", withheld: 1 } : { type: "end", reason: "done" };
    },
  };
}

function bodyOf({ server, unsupported }: PurposeCall<MusicModel>, request: MusicRequest): object {
  const { known, model } = server;
  for (const name of NEVER) {
    const value = request[name as "count"];
    if (value !== undefined && !(name === "count" && value === 1)) unsupported.leave(name, `"${name}"`);
  }
  const { format, prompt, seconds, instrumental, lyrics } = request;
  const formats = known?.formats ?? ["mp3", "wav"];
  const listed = format === undefined || formats.includes(format);
  if (!listed) unsupported.leave("format", `the format ${format} with ${model}`);
  if (seconds !== undefined && known?.takes?.includes("seconds") !== true) unsupported.leave("seconds", `a length with ${model}`);
  // The guide has all of this said in the prompt: there are no fields for it.
  const said = [
    prompt,
    seconds === undefined || known?.takes?.includes("seconds") !== true ? "" : `It is ${seconds} seconds long.`,
    instrumental === true ? "Instrumental only, no vocals." : "",
    lyrics === undefined ? "" : `With the following lyrics:\n\n${lyrics}`,
  ];
  return {
    contents: [{ role: "user", parts: [{ text: wellFormed(said.filter((one) => one !== "").join("\n\n")) }] }],
    generationConfig: {
      responseModalities: ["AUDIO", "TEXT"],
      ...(format === "wav" && listed ? { responseFormat: { audio: { mimeType: "audio/wav" } } } : {}),
      ...vendorWishes(request, server),
    },
  };
}
