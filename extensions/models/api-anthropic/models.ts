import type { ModelEndpoint, ModelInfo } from "@plinth/sdk";

type Wire = Record<string, any>;

const EFFORTS = ["low", "medium", "high", "xhigh", "max"];

/** What a row of `GET /models` says of a model (https://platform.claude.com/docs/en/api/models-list); undefined where it is none. */
export function modelOf(row: Wire | null): ModelInfo | undefined {
  const id = row?.id;
  if (typeof id !== "string" || id === "" || id.length > 256) return undefined;
  const { display_name, line, max_input_tokens, max_tokens, capabilities, deprecated_at } = row as Wire;
  const can = (capabilities ?? {}) as Wire;
  return {
    id,
    ...(typeof display_name === "string" && display_name !== "" ? { title: display_name.slice(0, 200) } : {}),
    ...(typeof line === "string" && line !== "" ? { family: line.slice(0, 120) } : {}),
    ...(isCount(max_input_tokens) ? { contextTokens: max_input_tokens } : {}),
    ...(isCount(max_tokens) ? { maxOutputTokens: max_tokens } : {}),
    ...(capabilities ? abilities(can) : {}),
    ...(typeof deprecated_at === "string" ? { deprecatedAt: deprecated_at.slice(0, 10) } : {}),
  };
}

function abilities(can: Wire): Partial<ModelInfo> {
  const input = [...(can.image_input?.supported ? ["image"] : []), ...(can.pdf_input?.supported ? ["file"] : [])];
  const { effort, thinking, structured_outputs } = can;
  const efforts = effort?.supported ? EFFORTS.filter((name) => effort[name]?.supported === true) : [];
  const types = thinking?.supported ? (thinking.types ?? {}) : {};
  return {
    input,
    ...(structured_outputs === undefined ? {} : { structured: structured_outputs?.supported ? "schema" : "none" }),
    ...(thinking?.supported
      ? {
          thinking: {
            ...(types.adaptive?.supported && efforts.length > 0 ? { efforts } : {}),
            ...(types.enabled?.supported ? { budget: { min: 1_024, max: 64_000 } } : {}),
            ...(types.disabled?.supported === false ? { always: true } : {}),
          },
        }
      : {}),
  };
}

const isCount = (value: unknown): value is number => Number.isInteger(value) && (value as number) > 0;

/** The models of the catalogue, each once. */
export const catalogueOf = ({ models = [] }: ModelEndpoint): ModelInfo[] => [...new Map(models.map((one) => [one.id, one])).values()];
