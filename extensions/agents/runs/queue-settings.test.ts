import { describe, expect, it } from "vitest";
import { parseQueue, queueWords, settingsFor } from "./queue-settings.ts";

describe("what becomes of messages while a session is busy", () => {
  it("is said by the message, else by the session, the channel, the configuration, the router, and then it is the default", () => {
    const config = { mode: "collect", cap: 5, byChannel: { telegram: { mode: "steer", debounceMs: 700 } } } as const;
    const lane = { mode: "interrupt", debounceMs: 100 } as const;
    const settings = (surface: string, more: object = {}) => settingsFor(config, surface, { inline: undefined, lane, ...more });
    expect(settings("cli")).toEqual({ mode: "collect", debounceMs: 100, cap: 5, drop: "summarize" });
    expect(settings("telegram")).toEqual({ mode: "steer", debounceMs: 700, cap: 5, drop: "summarize" });
    expect(settings("constructor").mode).toBe("collect");
    expect(settings("telegram", { session: { mode: "followup", cap: 9 } })).toEqual({ mode: "followup", debounceMs: 700, cap: 9, drop: "summarize" });
    expect(settings("telegram", { session: { mode: "followup" }, inline: "interrupt" }).mode).toBe("interrupt");
    expect(settingsFor({}, "cli", { inline: undefined, lane }).mode).toBe("interrupt");
    expect(settingsFor({}, "cli", { inline: undefined })).toEqual({ mode: "followup", debounceMs: 0, cap: 20, drop: "summarize" });
  });

  it("is typed in words of any order, and kept in the same words", () => {
    const all = { mode: "collect", debounceMs: 500, cap: 25, drop: "summarize" };
    expect(parseQueue("drop:summarize  cap:25 Collect debounce:0.5s")).toEqual(all);
    expect(parseQueue(queueWords(parseQueue("collect debounce:0.5s cap:25 drop:summarize")))).toEqual(all);
    expect([parseQueue("debounce:1.25s"), parseQueue("debounce:250"), parseQueue("debounce:0"), parseQueue("")]).toEqual([
      { debounceMs: 1_250 },
      { debounceMs: 250 },
      { debounceMs: 0 },
      {},
    ]);
  });

  it.each([
    "later",
    "cap:0",
    "cap:1001",
    "cap:x",
    "debounce:61s",
    "debounce:-1",
    "debounce:",
    "drop:all",
    "drop",
    "cap",
    "__proto__",
    "constructor:1",
  ])("is not %s", (words) => {
    expect(() => parseQueue(words)).toThrow(expect.objectContaining({ code: "PLINTH_USAGE" }));
  });
});
