import type { GenerationItem, VideoModel } from "@plinth/sdk";
import { failure, mediaTypeOf, type PurposeCall, resultPart } from "@plinth/sdk/kits/model-api";
import { isCount } from "./content.ts";
import type { Operation } from "./operations.ts";

type Part = Extract<GenerationItem, { type: "part" }>["part"];

interface Film {
  /** Fetched at once, or from the answer itself. */
  part(call: PurposeCall<VideoModel>): Promise<Part>;
}

const MOST_BYTES = 512 * 1_048_576;
const MOST = 16;

/** The films of work that is done: at an address of the server's own, or with their bytes, as Vertex AI has them. */
export function filmsOf({ response }: Operation, title: string): { films: Film[]; withheld: number } {
  const told = response?.generateVideoResponse ?? response;
  const rows = [told?.generatedSamples, told?.videos].find(Array.isArray) ?? [];
  const films = (rows as any[]).slice(0, MOST).map((row) => filmOf(row, title));
  const { raiMediaFilteredCount: count } = told ?? {};
  return { films, withheld: isCount(count) ? count : 0 };
}

function filmOf(row: any, title: string): Film {
  const bytes = row?.bytesBase64Encoded ?? row?.video?.encodedVideo;
  if (typeof bytes === "string" && bytes !== "")
    return {
      async part(call) {
        const film = new Uint8Array(Buffer.from(bytes, "base64"));
        return call.made("video", mediaTypeOf("video", film, title), film);
      },
    };
  const address = row?.video?.uri;
  if (typeof address !== "string")
    throw failure("STREAM", `${title} made a film that cannot be fetched from here.`, { details: { retryable: false } });
  return {
    part(call) {
      const { endpoint, quirks } = call.server;
      const hosts = Array.isArray(quirks.resultHosts) ? quirks.resultHosts.map(String) : [];
      return resultPart("video", address, call.results({ hosts, max: MOST_BYTES, headers: endpoint.headers }));
    },
  };
}
