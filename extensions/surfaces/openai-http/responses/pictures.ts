import type { Part } from "@plinth/sdk";
import type { Item } from "./items.ts";

export type Response = Item & { id: string; output: Item[] };

/** Where a picture lies, as long as it is kept here. */
const ARTIFACT = "plinth_artifact";
export const artifactOf = (part: Part): object => ("artifact" in part && part.artifact !== undefined ? { [ARTIFACT]: part.artifact } : {});

/** An answer as it is kept: the bytes of its pictures lie elsewhere. */
export const withoutPictures = (response: Response): Response => ({
  ...response,
  output: response.output.map((item) => (ARTIFACT in item ? { ...item, result: null } : item)),
});

/** As it is told: where its pictures lie is nobody's business. @param read the bytes of a picture that is kept. */
export async function withPictures(response: Response, read: (artifact: string) => Promise<string | undefined>): Promise<Response> {
  return { ...response, output: await Promise.all(response.output.map((item) => withPicture(item, read))) };
}

export async function withPicture({ [ARTIFACT]: artifact, ...item }: Item, read: (artifact: string) => Promise<string | undefined>): Promise<Item> {
  return typeof artifact !== "string" ? item : { ...item, result: item.result ?? (await read(artifact)) ?? null };
}
