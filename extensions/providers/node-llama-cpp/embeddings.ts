import type { EmbeddingModel, Part, Provider } from "@plinth/sdk";
import { failure, numbersOf, Unsupported, unitVector } from "@plinth/sdk/kits/model-api";
import type { LocalModels } from "./local-models.ts";

/** Vectors by the models that the configuration names for that. */
export function embeddings(models: LocalModels): Provider<"plinth.embedding"> {
  const infoOf = (name: string): EmbeddingModel => {
    const context = models.known(name)?.contextTokens ?? models.configured(name).contextTokens;
    return { id: name, input: [], ...(context === undefined ? {} : { maxInputTokens: context - 2 }), price: 0 };
  };
  return {
    status: () => models.status("embedding"),
    models: () => ({ models: models.names("embedding").map(infoOf) }),
    async embed(request, { signal }) {
      const name = models.named("embedding", request.model);
      const unsupported = new Unsupported(name, request);
      if (request.form !== undefined && request.form !== "float32") unsupported.leave("form", `the form ${request.form}`);
      if (request.dimensions !== undefined) unsupported.leave("dimensions", "other dimensions than its own");
      const inputs = request.inputs.map((parts) => textOf(parts, unsupported));
      const identity = await models.identity(name);
      const { engine, release } = await models.lease(name, signal);
      const asking = engine.ask({ what: "embed", inputs, cut: request.truncate === true }, signal);
      void asking.settled.then(release);
      const { vectors: made, read } = (await asking.answer) as { vectors: string[]; read: number };
      const vectors = made.map((one) => {
        const numbers = numbersOf(one);
        const vector = numbers === undefined ? undefined : unitVector(numbers);
        if (vector === undefined) throw failure("STREAM", `${name} made no vector of one of the inputs.`, { details: { retryable: false } });
        return vector;
      });
      const dimensions = numbersOf(vectors[0]!)!.length;
      return { model: name, identity, dimensions, form: "float32", vectors, usage: { inputTokens: read, cost: 0 } };
    },
  };
}

/** A text of nothing has no direction. */
function textOf(parts: readonly Part[], unsupported: Unsupported): string {
  const text = parts.map((part) => {
    if (part.type === "text") return part.text;
    unsupported.leave("inputs", `a part of the kind ${part.type}`);
    return "";
  });
  return text.join("\n").toWellFormed() || " ";
}
