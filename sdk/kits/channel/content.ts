import type { ContentPart } from "@plinth/manifests";

/** All that is text in it, a paragraph each; what is none is named, so that nobody takes it for nothing. */
export function contentText(content: readonly ContentPart[]): string {
  return content
    .map(partText)
    .filter((one) => one !== "")
    .join("\n\n");
}

function partText(part: ContentPart): string {
  switch (part.type) {
    case "text":
      return part.text;
    case "image":
      return named("image", part.alt ?? part.name);
    case "audio":
      return part.transcript ?? named("audio", part.name);
    case "video":
      return named("video", part.name);
    case "file":
      return named("file", part.title ?? part.name);
    case "resource":
      return part.text ?? named("link", part.name ?? part.uri);
    case "citation":
      return part.url === undefined ? "" : part.title === undefined ? part.url : `${part.title}: ${part.url}`;
    default:
      return "";
  }
}

const named = (what: string, name: string | undefined): string => (name === undefined || name === "" ? `[${what}]` : `[${what}: ${name}]`);
