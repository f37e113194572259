export interface FormFile {
  readonly field: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly part: { readonly mimeType: string; readonly name?: string };
}

/** Servers go by the ending of a file's name. */
const ENDINGS: Readonly<Record<string, string>> = {
  "audio/ogg": "ogg",
  "audio/opus": "ogg",
  "audio/mpeg": "mp3",
  "audio/mp3": "mp3",
  "audio/mp4": "m4a",
  "audio/x-m4a": "m4a",
  "audio/aac": "aac",
  "audio/wav": "wav",
  "audio/x-wav": "wav",
  "audio/wave": "wav",
  "audio/webm": "webm",
  "audio/flac": "flac",
  "audio/x-flac": "flac",
  "video/mp4": "mp4",
  "video/webm": "webm",
  "video/mpeg": "mpeg",
  "image/png": "png",
  "image/jpeg": "jpg",
  "image/webp": "webp",
};

/** A form with files, as browsers send it. A field with a list is there once for each. */
export async function form(
  fields: Readonly<Record<string, unknown>>,
  files: readonly FormFile[],
): Promise<{ body: Uint8Array<ArrayBuffer>; type: string }> {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) for (const one of [value].flat()) data.append(name, textOf(one));
  for (const { field, bytes, part } of files) {
    const [type = ""] = part.mimeType.toLowerCase().split(";");
    data.append(field, new Blob([bytes], { type: type.trim() }), nameOf(type.trim(), part.name));
  }
  const encoded = new Response(data);
  return { body: new Uint8Array(await encoded.arrayBuffer()), type: encoded.headers.get("content-type")! };
}

const textOf = (value: unknown): string => (typeof value === "object" ? JSON.stringify(value) : String(value));

/** What a person called it is nobody's business: the server needs its kind. */
function nameOf(type: string, name = ""): string {
  const own = /\.([a-z0-9]{1,5})$/i.exec(name)?.[1]?.toLowerCase();
  return `file.${ENDINGS[type] ?? own ?? type.split("/")[1]?.replace(/[^a-z0-9]/g, "") ?? "bin"}`;
}
