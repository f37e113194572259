import { type Part, partLabel, visible } from "@plinth/sdk";
import { el } from "./dom.ts";
import { keptImage } from "./kept-image.ts";

const IMAGES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);

/** A part that is no text, as a block; undefined for one that is not for people, or of a kind that is not known here. */
export function partNode(part: Part): HTMLElement | undefined {
  switch (part.type) {
    case "image":
      if (!IMAGES.has(part.mimeType)) return named(part);
      if (part.artifact !== undefined) return keptImage(part, named(part));
      if (part.base64 === undefined) return named(part);
      return el("img", { class: "tool-image", alt: visible(part.alt ?? "Image", { max: 300 }), src: `data:${part.mimeType};base64,${part.base64}` });
    case "audio":
    case "video":
    case "file":
    case "resource":
      return named(part);
    case "citation":
      return cited(part);
    default:
      return undefined;
  }
}

const named = (part: Part): HTMLElement => el("p", { class: "part" }, visible(partLabel(part), { max: 300 }));

/** A link where it is to the web: whatever else stands there is only shown. */
function cited(part: Extract<Part, { type: "citation" }>): HTMLElement {
  const { url, title } = part;
  const shown = visible(title ?? url ?? "a source", { max: 300 });
  if (url === undefined || !/^https?:\/\//i.test(url)) return el("p", { class: "part" }, shown);
  return el("p", { class: "part" }, el("a", { href: url, rel: "noopener noreferrer nofollow", target: "_blank" }, shown));
}
