import { type Part, visible } from "@plinth/sdk";
import { el } from "./dom.ts";
import { heldToken } from "./token.ts";

type Image = Extract<Part, { type: "image" }>;

/** Larger ones are named. */
const MOST_BYTES = 20 * 1_048_576;

/** A picture that the host keeps: `label` stands for it until it is there, and where it cannot be had. */
export function keptImage({ artifact = "", mimeType, alt, bytes = 0 }: Image, label: HTMLElement): HTMLElement {
  if (bytes <= MOST_BYTES) void show().catch(() => {});
  return label;

  async function show(): Promise<void> {
    const response = await fetch(`/artifacts/${encodeURIComponent(artifact)}`, { headers: { authorization: `Bearer ${heldToken() ?? ""}` } });
    if (!response.ok) return;
    // As what the part says it is, which is a picture: nothing that a browser would run.
    const url = URL.createObjectURL(new Blob([await response.arrayBuffer()], { type: mimeType }));
    const image = el("img", { class: "tool-image", alt: visible(alt ?? "Image", { max: 300 }), src: url });
    for (const event of ["load", "error"]) image.addEventListener(event, () => URL.revokeObjectURL(url), { once: true });
    image.addEventListener("error", () => image.replaceWith(label), { once: true });
    label.replaceWith(image);
  }
}
