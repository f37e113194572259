import type { ModelEndpoint } from "@plinth/sdk";

/** What a server has refused once and is not sent again. */
export interface Learned {
  noStreamOptions?: boolean;
  maxTokensField?: string;
}

const MOST = 256;

/** What is learned of servers and their models, for as long as this runs. */
export class Lessons {
  readonly #of = new Map<string, Learned>();

  of({ baseUrl }: ModelEndpoint, model: string): Learned {
    return this.#of.get(`${baseUrl} ${model}`) ?? {};
  }

  /** What to do otherwise after this refusal, which is remembered; undefined: nothing is to be learned from it. */
  from(endpoint: ModelEndpoint, model: string, sent: Learned, error: { code: string; message: string }): Learned | undefined {
    const lesson = /_(REQUEST|UNSUPPORTED)$/.test(error.code) ? lessonOf(error.message, sent) : undefined;
    if (lesson === undefined) return undefined;
    const key = `${endpoint.baseUrl} ${model}`;
    const learned = { ...this.#of.get(key), ...lesson };
    this.#of.delete(key);
    this.#of.set(key, learned);
    if (this.#of.size > MOST) this.#of.delete(this.#of.keys().next().value!);
    return learned;
  }
}

function lessonOf(said: string, sent: Learned): Learned | undefined {
  if (!sent.noStreamOptions && /stream_options|include_usage/i.test(said)) return { noStreamOptions: true };
  if (sent.maxTokensField === undefined && /max_tokens.*max_completion_tokens/is.test(said)) return { maxTokensField: "max_completion_tokens" };
  return undefined;
}
