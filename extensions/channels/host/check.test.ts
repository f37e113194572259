import { expect, it } from "vitest";
import type { Status } from "./channels.ts";
import { findingsOf } from "./check.ts";

const account = (more: Partial<Status>): Status => ({
  ...{ channel: "room", title: "Room", extension: "acme.room", account: "default", state: "connected" },
  ...{ waiting: 0, toSend: 0, failed: 0, unknown: 0 },
  ...more,
});

it("has nothing to say of accounts that work, or that nobody wants to work", () => {
  expect(findingsOf([account({}), account({ state: "stopped" }), account({ state: "idle" }), account({ state: "connecting" })])).toEqual([]);
});

it.each<[string, Partial<Status>, object]>([
  [
    "not configured",
    { state: "unconfigured", missing: ["the secret ROOM_KEY"] },
    { severity: "notice", next: "plinth init", why: "It needs the secret ROOM_KEY." },
  ],
  [
    "left alone",
    { state: "quarantined", account: "work", error: { code: "PLINTH_CHANNEL_AUTH", message: "Refused.", next: "Set another key." } },
    {
      severity: "problem",
      code: "PLINTH_CHANNEL_AUTH",
      what: expect.stringContaining("room/work"),
      next: "Set another key. Then: plinth channels start room",
    },
  ],
  [
    "tried again",
    { state: "waiting", retryAt: 61_000, error: { code: "PLINTH_CHANNEL_DOWN", message: "No route." } },
    { severity: "problem", why: "No route. It is tried again at 00:01:01 UTC.", next: "plinth channels status room" },
  ],
  [
    "not everything delivered",
    { failed: 1, unknown: 2 },
    { severity: "notice", code: "PLINTH_DELIVERY_FAILED", why: expect.stringContaining("1 message was not delivered") },
  ],
])("says of an account that is %s whose it is and what to do", (_what, more, told) => {
  expect(findingsOf([account(more)])).toEqual([expect.objectContaining({ owner: "acme.room", ...told })]);
});
