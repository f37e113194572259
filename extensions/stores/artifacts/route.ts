import { type ArtifactInfo, errorInfo, type HttpItem, type HttpRequest, PlinthError } from "@plinth/sdk";
import type { Artifacts } from "./artifacts.ts";

/** What a browser may show in place: nothing that can run. Everything else is saved as a file. */
const SHOWN = /^(?:image\/(?:png|jpeg|gif|webp|avif)|audio\/[a-z0-9.+-]+|video\/[a-z0-9.+-]+|text\/plain)(?:;|$)/i;
const RANGE = /^bytes=(\d*)-(\d*)$/;

/** An artifact's bytes: with its tag, a range of them where one is asked for, and never as a page of the gateway's own. */
export async function* answer(artifacts: Artifacts, { params, headers }: Pick<HttpRequest, "params" | "headers">): AsyncGenerator<HttpItem> {
  const artifact = found(artifacts, params.id ?? "");
  const { id, sha256, bytes, mimeType, name } = artifact;
  const etag = `"${sha256}"`;
  const common = {
    etag,
    "cache-control": "private, max-age=31536000, immutable",
    "content-type": mimeType,
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "content-disposition": `${SHOWN.test(mimeType) ? "inline" : "attachment"}${name === undefined ? "" : `; filename*=UTF-8''${encoded(name)}`}`,
    "accept-ranges": "bytes",
  };
  if (headers["if-none-match"]?.split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag)) {
    yield { type: "head", status: 304, headers: common };
    return;
  }
  const asked = headers["if-range"] === undefined || headers["if-range"] === etag ? rangeOf(headers.range, bytes) : undefined;
  if (asked === "outside") {
    yield { type: "head", status: 416, headers: { ...common, "content-type": "text/plain", "content-range": `bytes */${bytes}` } };
    return;
  }
  const { start, end } = asked ?? { start: 0, end: bytes - 1 };
  const length = end - start + 1;
  const head: Record<string, string> = { ...common };
  if (asked !== undefined) head["content-range"] = `bytes ${start}-${end}/${bytes}`;
  yield { type: "head", status: asked === undefined ? 200 : 206, headers: head };
  if (length > 0) for await (const piece of artifacts.bytes(id, start, length)) yield { type: "bytes", base64: piece.toString("base64") };
}

function found(artifacts: Artifacts, id: string): ArtifactInfo {
  try {
    return artifacts.get({ id }).artifact;
  } catch (thrown) {
    const { code, message, next } = errorInfo(thrown);
    throw new PlinthError(code === "PLINTH_ARTIFACT_UNKNOWN" ? "PLINTH_NOT_FOUND" : code, message, { ...(next ? { next } : {}), cause: thrown });
  }
}

/** undefined: all of it; a header that is not one range of bytes is passed over, as HTTP has it. */
function rangeOf(header: string | undefined, bytes: number): { start: number; end: number } | "outside" | undefined {
  const match = header === undefined ? null : RANGE.exec(header.trim());
  if (match === null || (match[1] === "" && match[2] === "")) return undefined;
  const [, from = "", to = ""] = match;
  if (from === "") return bytes === 0 || Number(to) === 0 ? "outside" : { start: Math.max(0, bytes - Number(to)), end: bytes - 1 };
  const start = Number(from);
  const end = to === "" ? bytes - 1 : Math.min(Number(to), bytes - 1);
  if (to !== "" && Number(to) < start) return undefined;
  return start >= bytes ? "outside" : { start, end };
}

const encoded = (name: string): string =>
  encodeURIComponent(name.toWellFormed()).replace(/['()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
