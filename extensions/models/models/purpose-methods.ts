import type { Call, Context, VendorPurpose } from "@plinth/sdk";

/** Each is one contract; without `plinth.` it is a word of configurations and commands. */
export const PURPOSES = [
  "plinth.embedding",
  "plinth.rerank",
  "plinth.speech",
  "plinth.transcription",
  "plinth.image-generation",
  "plinth.video-generation",
  "plinth.music-generation",
] as const satisfies readonly VendorPurpose[];

/** Which methods each contract has besides `status` and `models`, by how they are asked. */
export const METHODS: { readonly [P in VendorPurpose]: { once?: string; stream?: string; voices?: true; jobs?: true } } = {
  "plinth.embedding": { once: "embed" },
  "plinth.rerank": { once: "rerank" },
  "plinth.speech": { stream: "speak", voices: true },
  "plinth.transcription": { stream: "transcribe" },
  "plinth.image-generation": { stream: "generate", jobs: true },
  "plinth.video-generation": { stream: "generate", jobs: true },
  "plinth.music-generation": { stream: "generate", jobs: true },
};

type Method = (input: object, call: Call) => any;

/** For every purpose a provider `models`. What is behind it is loaded by whoever asks first: conversations need none of it. */
export function providePurposes(ctx: Context, load: (purpose: VendorPurpose) => Promise<object>): void {
  for (const purpose of PURPOSES) ctx.provide(purpose, "models", lateOf(purpose, () => load(purpose)) as never);
}

function lateOf(purpose: VendorPurpose, load: () => Promise<object>): object {
  const { once, stream, voices, jobs } = METHODS[purpose];
  const loaded = async (name: string) => ((await load()) as Record<string, Method>)[name] as Method;
  const provider: Record<string, Method> = {};
  const names = ["status", "models", ...(once === undefined ? [] : [once]), ...(voices === undefined ? [] : ["voices"])];
  for (const name of [...names, ...(jobs === undefined ? [] : ["cancel"])]) provider[name] = async (input, call) => (await loaded(name))(input, call);
  for (const name of [...(stream === undefined ? [] : [stream]), ...(jobs === undefined ? [] : ["resume"])]) {
    provider[name] = async function* (input, call) {
      yield* (await loaded(name))(input, call);
    };
  }
  return provider;
}
