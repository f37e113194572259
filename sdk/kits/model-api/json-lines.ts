import type { FetchResponse } from "../../extension/index.ts";
import type { Exchange } from "./exchange.ts";
import { failure } from "./failure.ts";
import { LineParser } from "./lines.ts";

/** The objects of an answer that has one a line, as they come. @throws PLINTH_MODEL_STREAM where a line is something else */
export async function* jsonLines(exchange: Exchange, response: FetchResponse, title: string): AsyncGenerator<Record<string, any>> {
  const parser = new LineParser();
  for await (const piece of exchange.pieces(response)) for (const line of parser.push(piece)) yield objectIn(line, title);
  for (const line of parser.finish()) yield objectIn(line, title);
}

function objectIn(line: string, title: string): Record<string, any> {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  } catch {
    // As what is no object.
  }
  throw failure("STREAM", `${title} sent something that is not JSON.`);
}
