import { describe, expect, it } from "vitest";
import { createTestHost, describeConformance, modelProviderConformance, sessionStoreConformance, toolConformance } from "../index.ts";

const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });

async function scripted(contract: string, provider: object) {
  const host = await createTestHost({ provide: [{ contract, id: "x", provider: provider as never }] });
  return { client: host.use(contract as never).get("x") as any, close: () => host.close() };
}

async function failures(cases: readonly { name: string; run(subject: any): Promise<void> }[], subject: object): Promise<string[]> {
  const failed: string[] = [];
  for (const one of cases) await one.run(subject).catch(() => failed.push(one.name));
  return failed;
}

const toolSubject = (call: (input: any, call: any) => unknown) => ({
  open: async () => {
    const { client, close } = await scripted("plinth.tool", { call });
    return { tool: client, close };
  },
  good: { args: { n: 1 } },
  bad: { args: { n: "x" } },
});

describeConformance({ describe, it }, "an honest tool", toolConformance, {
  ...toolSubject(async ({ args }, { signal }) => {
    if (args.n === 99) await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    return typeof args.n === "number" ? text(String(args.n)) : { ...text("n must be a number"), isError: true };
  }),
  slow: { args: { n: 99 } },
});

describe("the suites", () => {
  it("notice a tool that takes anything for success", async () => {
    expect(
      await failures(
        toolConformance.filter(({ needs }) => !needs?.includes("slow")),
        toolSubject(() => text("fine")),
      ),
    ).toEqual(["answers a bad call with a coded error or an error result"]);
  });

  it("notice a model whose stream ends twice or never", async () => {
    const subject = (items: object[]) => ({
      open: async () => {
        const { client, close } = await scripted("plinth.model-provider", {
          status: () => ({ ready: true }),
          models: () => ({ models: [] }),
          async *stream() {
            yield* items;
          },
        });
        return { provider: client, close };
      },
      good: { model: "m", messages: [{ role: "user", text: "hi" }] },
    });
    const plain = modelProviderConformance.filter(({ needs }) => !needs);
    const end = { type: "end", reason: "stop" };
    const hello = { type: "text", delta: "hello" };
    expect(await failures(plain, subject([hello, end]))).toEqual([]);
    expect(await failures(plain, subject([hello, end, end]))).toContain("streams text and ends with exactly one end");
    expect(await failures(plain, subject([hello]))).toContain("streams text and ends with exactly one end");
  });

  it("notice a session store that gives its claim to everybody", async () => {
    const subject = {
      open: async () => {
        const { client, close } = await scripted("plinth.session-store", {
          beginRun: () => ({ head: null }),
          append: () => ({ head: "x" }),
          endRun: () => ({}),
          history: () => ({ entries: [] }),
          list: () => ({ sessions: [] }),
          setHead: () => ({}),
        });
        return { store: client, close };
      },
    };
    expect(await failures(sessionStoreConformance, subject)).toContain("gives the claim to exactly one of many that ask at once");
  });
});
