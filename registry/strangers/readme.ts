import { roomFor } from "@plinth/manifests/strangers/rooms.ts";

const MOST = 64;
/** By text: a page that many look at is rendered once. The oldest goes first. */
const rendered = new Map<string, string>();

/**
 * A package's read-me as HTML that can be put into a page, made in the thread for strangers' data.
 *
 * @throws PLINTH_DATA_TIME and the like when it takes more than it may.
 */
export async function readmeInRoom(id: string, text: string): Promise<string> {
  const known = rendered.get(text);
  if (known !== undefined) return known;
  const about = `The read-me of ${id}`;
  const html = await roomFor("packages").run<string>({ task: "readme", input: { text }, owner: id, about });
  rendered.set(text, html);
  if (rendered.size > MOST) rendered.delete(rendered.keys().next().value as string);
  return html;
}
