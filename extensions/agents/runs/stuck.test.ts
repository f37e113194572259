import type { TurnEvent } from "@plinth/sdk";
import { describe, expect, it } from "vitest";
import { Progress, StuckWatch } from "./stuck.ts";
import { end, events, startTurns } from "./turns.testing.ts";

const MINUTE = 60_000;

/** One turn, and a clock that the test moves. */
function watched() {
  let now = 0;
  const said: TurnEvent[] = [];
  let reason: { code: string } | undefined;
  const run = {
    startedAt: 0,
    over: false,
    progress: new Progress(),
    emit(event: TurnEvent) {
      said.push(event);
      run.progress.take(event, now);
    },
    abort(why: { code: string }) {
      reason = why;
      return true;
    },
  };
  const watch = new StuckWatch({ now: () => now }, { stuckWarnMs: 2 * MINUTE, stuckAbortMs: 6 * MINUTE }, () => [run]);
  return {
    run,
    at: (minutes: number) => {
      now = minutes * MINUTE;
      watch.look();
      return { told: said.filter(({ type }) => type === "warning").length, ended: reason?.code };
    },
    happens: (event: object) => run.emit(event as TurnEvent),
    said,
  };
}

describe("a turn in which nothing happens", () => {
  it("is told of once after two minutes, and ended after six", () => {
    const turn = watched();
    expect(turn.at(1.9)).toEqual({ told: 0, ended: undefined });
    expect(turn.at(2)).toEqual({ told: 1, ended: undefined });
    expect(turn.at(5.9)).toEqual({ told: 1, ended: undefined });
    expect(turn.at(6)).toEqual({ told: 1, ended: "PLINTH_TURN_STUCK" });
    expect(turn.said[0]).toMatchObject({ code: "PLINTH_TURN_QUIET", message: expect.stringContaining("nothing since 2 minutes") });
  });

  it("is not one in which something happens, however slowly", () => {
    const turn = watched();
    turn.at(1.5);
    turn.happens({ type: "text", delta: "a" });
    expect(turn.at(3)).toEqual({ told: 0, ended: undefined });
    expect(turn.at(3.5)).toEqual({ told: 1, ended: undefined });
    turn.happens({ type: "text", delta: "b" });
    expect(turn.at(5)).toEqual({ told: 1, ended: undefined });
    expect(turn.at(5.5)).toEqual({ told: 2, ended: undefined });
  });

  it("is told of and not ended while a tool runs, which has a deadline of its own", () => {
    const turn = watched();
    turn.happens({ type: "tool-start", callId: "c", name: "exec", args: {} });
    expect(turn.at(25)).toEqual({ told: 1, ended: undefined });
    expect(turn.said.at(-1)).toMatchObject({ message: expect.stringContaining("`exec` says nothing since 25 minutes") });
    turn.happens({ type: "tool-end", callId: "c", name: "exec", result: { content: [] } });
    expect(turn.at(30.9)).toMatchObject({ ended: undefined });
    expect(turn.at(31)).toMatchObject({ ended: "PLINTH_TURN_STUCK" });
  });

  it("is not one that waits for a person's answer", () => {
    const turn = watched();
    turn.happens({ type: "interaction", state: "asked", request: { id: "a1" } });
    expect(turn.at(600)).toEqual({ told: 0, ended: undefined });
    turn.happens({ type: "interaction", state: "answered", request: { id: "a1" } });
    expect(turn.at(601)).toEqual({ told: 0, ended: undefined });
    expect(turn.at(606)).toMatchObject({ ended: "PLINTH_TURN_STUCK" });
  });

  it("gives its lane back, with a clear error, also where its harness does not listen", async () => {
    let runs = 0;
    const host = await startTurns({
      config: { stuckWarnMs: 100, stuckAbortMs: 2_000 },
      async *run() {
        if (++runs === 1) await new Promise(() => {});
        yield { type: "done", text: "answered", model: "test/m" };
      },
    });
    const first = events(host, "one");
    const second = end(host, "two");
    const told = await first;
    expect(told.filter(({ type }) => type === "end")).toHaveLength(1);
    expect(told.at(-1)).toMatchObject({ status: "error", error: { code: "PLINTH_TURN_STUCK", next: expect.stringContaining("stuckAbortMs") } });
    expect(await second).toMatchObject({ status: "ok", text: "answered" });
    await host.close();
  });
});
