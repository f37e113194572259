import { createHmac } from "node:crypto";
import { createTestHost, describeConformance, httpRouteConformance, requestOf } from "@plinth/sdk/testing";
import { describe, expect, it } from "vitest";
import manifest from "../plinth.json" with { type: "json" };
import extension from "../src/index.ts";

const SECRET = "shown-once-by-the-service";

const open = async () => {
  const host = await createTestHost({ extensions: [{ manifest, extension, config: { secret: SECRET } }] });
  const routes = host.use("plinth.http-route");
  return { route: routes.get("__NAME__.hook"), watch: routes.get("__NAME__.watch"), close: () => host.close() };
};

/** As the service would send it. */
function event(text: string, secret = SECRET) {
  const signature = `sha256=${createHmac("sha256", secret).update(text).digest("hex")}`;
  return {
    method: "POST",
    path: "/hooks/__NAME__",
    headers: { "content-type": "application/json", "x-hub-signature-256": signature },
    body: { type: "bytes" as const, base64: Buffer.from(text).toString("base64") },
  };
}

describe("the webhook __NAME__", () => {
  it("counts what is signed, and tells who watches", async () => {
    const { route, watch, close } = await open();
    const statuses: number[] = [];
    for (const request of [event('{"kind":"order.paid"}'), event('{"kind":"order.paid"}', "guessed"), event("{}")]) {
      for await (const item of route.handle(requestOf(request))) if (item.type === "head") statuses.push(item.status);
    }
    expect(statuses).toEqual([204, 401, 400]);

    const request = { ...requestOf({ path: "/watch/__NAME__" }), protocols: [] };
    for await (const item of watch.socket(request)) {
      if (item.type === "open") void watch.receive({ id: request.id, item: { type: "text", text: "?" } });
      else {
        expect(item).toEqual({ type: "text", text: '{"order.paid":1}' });
        break;
      }
    }
    await close();
  });
});

// What every route must do, whatever it is for.
describeConformance({ describe, it }, "__NAME__.hook", httpRouteConformance, {
  open,
  good: event('{"kind":"order.paid"}'),
  bad: event('{"kind":"order.paid"}', "guessed"),
});
