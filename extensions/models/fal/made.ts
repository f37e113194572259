import type { Medium } from "@plinth/sdk/kits/model-api";

const MOST = 16;
/** Where models say what they made. */
const NAMES: Readonly<Record<Medium, readonly string[]>> = {
  image: ["images", "image"],
  video: ["video", "videos"],
  audio: ["audio", "audio_file", "audio_url", "audios"],
};

/** The addresses of what a model made, and how many are black because its checker withheld them. */
export function filesIn(result: any, medium: Medium): { files: string[]; withheld: number } {
  const rows = NAMES[medium].map((name) => result?.[name]).find((one) => one !== undefined && one !== null);
  const flags: unknown = medium === "image" ? result?.has_nsfw_concepts : undefined;
  const isFlagged = (at: number): boolean => Array.isArray(flags) && flags[at] === true;
  const files: string[] = [];
  let withheld = 0;
  for (const [at, row] of [rows ?? []].flat().slice(0, MOST).entries()) {
    const url = typeof row === "string" ? row : row?.url;
    if (isFlagged(at)) withheld++;
    else if (typeof url === "string" && url !== "") files.push(url);
  }
  return { files, withheld };
}

/** Where the vendor's data says that results lie. */
export const hostsOf = ({ hosts }: Readonly<Record<string, unknown>>): string[] =>
  Array.isArray(hosts) ? hosts.filter((one) => typeof one === "string") : [];
