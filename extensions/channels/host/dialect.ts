import type { Descriptor } from "@plinth/sdk";
import { chunkText } from "@plinth/sdk/kits/channel";

type Shape = Pick<Descriptor<"plinth.channel">, "limits" | "format">;

/** An answer in the pieces and the dialect that a channel takes. A piece that grows beyond the limit by its dialect is cut again. */
export async function piecesOf(markdown: string, { limits, format }: Shape): Promise<string[]> {
  if (format === "markdown" || format === "entities") return chunkText(markdown, limits);
  const { render } = await import("./render.ts");
  const { measure } = await import("@plinth/sdk/kits/channel");
  for (let text = limits.text; ; text = Math.floor(text * 0.7)) {
    const pieces = chunkText(markdown, { ...limits, text }).map((piece) => render(piece, format));
    if (text < 64 || pieces.every((piece) => measure(piece, limits.unit) <= limits.text))
      return pieces.flatMap((piece) => (measure(piece, limits.unit) <= limits.text ? [piece] : chunkText(piece, limits)));
  }
}
