import type { ModelInfo } from "@plinth/sdk";

type Wire = Record<string, any>;

/**
 * What a row of ListFoundationModels says (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_FoundationModelSummary.html);
 * undefined where it does not stream text, or where it can only be asked over an inference profile.
 */
export function foundationModel(row: Wire | null): ModelInfo | undefined {
  const id = row?.modelId;
  if (typeof id !== "string" || id === "" || id.length > 256) return undefined;
  const { modelName, providerName, inputModalities, outputModalities, responseStreamingSupported, inferenceTypesSupported, modelLifecycle } =
    row as Wire;
  if (!kinds(outputModalities).includes("text") || responseStreamingSupported === false) return undefined;
  if (Array.isArray(inferenceTypesSupported) && !inferenceTypesSupported.includes("ON_DEMAND")) return undefined;
  return {
    id,
    ...(typeof modelName === "string" ? { title: modelName.slice(0, 200) } : {}),
    ...(typeof providerName === "string" ? { family: providerName.slice(0, 120) } : {}),
    input: kinds(inputModalities).flatMap((one) => (one === "text" ? [] : one === "speech" ? ["audio"] : [one])),
    ...(typeof modelLifecycle?.endOfLifeTime === "string" && modelLifecycle.status === "LEGACY"
      ? { deprecatedAt: modelLifecycle.endOfLifeTime.slice(0, 10) }
      : {}),
  };
}

/** What a row of ListInferenceProfiles says; undefined where it cannot be used. */
export function inferenceProfile(row: Wire | null): ModelInfo | undefined {
  const { inferenceProfileId: id, inferenceProfileName: title, status } = (row ?? {}) as Wire;
  if (typeof id !== "string" || id === "" || id.length > 256 || status !== "ACTIVE") return undefined;
  return { id, ...(typeof title === "string" ? { title: title.slice(0, 200) } : {}) };
}

const kinds = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((one) => typeof one === "string").map((one) => one.toLowerCase().slice(0, 64)) : [];
