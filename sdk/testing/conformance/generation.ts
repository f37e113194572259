import assert from "node:assert/strict";
import type { Client, ContentPart, GenerationItem, ImageRequest, MusicRequest, VideoRequest } from "../../extension/index.ts";
import { assertCodedFailure, assertFits, type ConformanceCase, collect, withOpened } from "./case.ts";
import { ofType, type PurposeClient, type PurposeSubject, purposeCases, streamCases, streamed } from "./model-purpose.ts";

interface Options {
  signal?: AbortSignal;
}

/** What image, video and music generation have in common. */
interface Generating<Request> extends PurposeClient {
  generate(request: Request, options?: Options): AsyncIterable<GenerationItem>;
  resume(input: { job: string }, options?: Options): AsyncIterable<GenerationItem>;
  cancel(input: { job: string }): Promise<{ cancelled: boolean }>;
}

interface GenerationSubject<Client, Request> extends PurposeSubject<Client, Request> {
  /** A request that goes on until somebody ends it, long enough to be followed and cancelled. Its provider gives a `job`. */
  slow?: Request;
}

export type ImageGenerationSubject = GenerationSubject<Client<"plinth.image-generation">, ImageRequest>;
export type VideoGenerationSubject = GenerationSubject<Client<"plinth.video-generation">, VideoRequest>;
export type MusicGenerationSubject = GenerationSubject<Client<"plinth.music-generation">, MusicRequest>;

/** Of a part, what it is and where its bytes are. */
type Bytes = Extract<ContentPart, { type: "image" | "audio" | "video" }>;

function generationCases<Client extends Generating<Request>, Request extends { count?: number }>(
  contract: string,
  kind: Bytes["type"],
): ConformanceCase<GenerationSubject<Client, Request>>[] {
  type Subject = GenerationSubject<Client, Request>;
  const made = async (provider: Client, request: Request, options?: Options) => {
    const items = await streamed(contract, "generate", provider.generate(request, options));
    assertMade(items, kind, request.count ?? 1);
    return items;
  };
  const one = (name: string, body: (provider: Client, subject: Subject) => Promise<void>, ...needs: (keyof Subject & string)[]) => ({
    name,
    ...(needs.length > 0 ? { needs } : {}),
    run: (subject: Subject) => withOpened(subject.open, ({ provider }) => body(provider, subject)),
  });
  /** The job of `slow`, which goes on after its reader left. */
  const begun = async (provider: Client, slow: Request): Promise<string> => {
    for await (const item of provider.generate(slow)) {
      await assertFits(contract, "generate", "item", item);
      assert.notEqual(item.type, "end", "it goes on");
      if (item.type === "job") return item.job;
    }
    return assert.fail("it gives a job");
  };
  const cancelled = async (provider: Client, job: string) => {
    const output = await provider.cancel({ job });
    await assertFits(contract, "cancel", "output", output);
    return output.cancelled;
  };
  return [
    ...purposeCases<Client, Request, Subject>({ contract, ask: made }),
    ...streamCases<Client, Request, Subject>((provider, request, options) => provider.generate(request, options)),
    one("makes what was asked for, with its bytes", async (provider, { good }) => void (await made(provider, good))),
    one("hands over again what work made that has a handle", async (provider, { good }) => {
      const items = await made(provider, good);
      const job = ofType(items, "job")[0]?.job;
      if (job === undefined) return;
      const again = await streamed(contract, "resume", provider.resume({ job }));
      assert.deepEqual(partsOf(again), partsOf(items));
    }),
    one(
      "lets work go on when its reader leaves, and ends it when it is told to",
      async (provider, { slow }) => {
        const job = await begun(provider, slow!);
        const following = streamed(contract, "resume", provider.resume({ job }));
        assert.equal(await cancelled(provider, job), true);
        const end = (await following).at(-1);
        assert.equal(end?.type === "end" && end.reason, "cancelled");
        assert.equal(await cancelled(provider, job), false, "what is over cannot be ended");
      },
      "slow",
    ),
    one(
      "takes a handle that it did not give as data",
      async (provider, { slow }) => {
        const job = await begun(provider, slow!);
        for (const hostile of ["__proto__", "../../etc/passwd", "https://192.0.2.1/jobs/1", `${job}x`]) {
          assert.equal((await assertCodedFailure(collect(provider.resume({ job: hostile })))).code, "PLINTH_MODEL_JOB");
          assert.equal((await assertCodedFailure(provider.cancel({ job: hostile }))).code, "PLINTH_MODEL_JOB");
        }
        await cancelled(provider, job);
      },
      "slow",
    ),
  ];
}

const partsOf = (items: readonly GenerationItem[]): ContentPart[] => ofType(items, "part").map(({ part }) => part);

function assertMade(items: readonly GenerationItem[], kind: Bytes["type"], count: number): void {
  const end = items.at(-1);
  const withheld = end?.type === "end" ? (end.withheld ?? 0) : 0;
  const parts = partsOf(items).filter((part): part is Bytes => part.type === kind);
  assert.equal(parts.length + withheld, count, "there are as many as were asked for, but for those that are withheld");
  for (const part of parts) {
    assert.ok(part.artifact !== undefined || part.base64 !== undefined, "its bytes are there, and not at an address that expires");
    assert.ok(part.mimeType.startsWith(`${kind}/`), part.mimeType);
  }
}

/** What `plinth.image-generation` asks of every provider. */
export const imageGenerationConformance: readonly ConformanceCase<ImageGenerationSubject>[] = generationCases("plinth.image-generation", "image");

/** What `plinth.video-generation` asks of every provider: its work has a handle, always. */
export const videoGenerationConformance: readonly ConformanceCase<VideoGenerationSubject>[] = [
  ...generationCases<Client<"plinth.video-generation">, VideoRequest>("plinth.video-generation", "video"),
  {
    name: "gives a handle before it makes anything",
    run: ({ open, good }) =>
      withOpened(open, async ({ provider }) => {
        const items = await collect(provider.generate(good));
        const [job, part] = ["job", "part"].map((wanted) => items.findIndex(({ type }) => type === wanted)) as [number, number];
        assert.ok(job >= 0 && job < part);
      }),
  },
];

/** What `plinth.music-generation` asks of every provider. */
export const musicGenerationConformance: readonly ConformanceCase<MusicGenerationSubject>[] = generationCases("plinth.music-generation", "audio");
