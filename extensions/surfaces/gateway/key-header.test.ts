import { json } from "@plinth/sdk/kits/http";
import { describe, expect, it } from "vitest";
import { route, startGateway } from "./started-gateway.ts";

const echo = async function* ({ headers, rawHeaders }: any, { work }: any): AsyncGenerator<unknown> {
  yield* json(200, { headers, rawHeaders, role: work.principal.role });
};

describe("a route that takes the token in another header", () => {
  it("takes it where there is no Authorization, is the owner's work then, and never sees the header", async () => {
    await using gateway = await startGateway([
      route("model", { key: "x-api-key" }, echo),
      route("other", {}, echo),
      route("open", { auth: "none" }, echo),
    ]);
    const { token } = gateway;
    const ask = async (path: string, headers: Record<string, string>) => fetch(`${gateway.url}/${path}`, { headers });
    const seen: any = await (await ask("model", { "x-api-key": token })).json();
    expect(seen.role).toBe("owner");
    expect(JSON.stringify(seen)).not.toContain("x-api-key");
    // A key of elsewhere beside the token is nobody's here.
    const both: any = await (await ask("model", { authorization: `Bearer ${token}`, "x-api-key": "sk-of-elsewhere" })).json();
    expect(JSON.stringify(both)).not.toContain("sk-of-elsewhere");
    for (const headers of [
      { "x-api-key": "wrong" },
      { "x-api-key": "" },
      { "x-api-key": `${token}, ${token}` },
      { "x-api-key": token, authorization: "Bearer wrong" },
      { "x-api-key": token, authorization: "Basic x" },
    ] as Record<string, string>[])
      expect((await ask("model", headers)).status, JSON.stringify(headers)).toBe(401);
    expect((await ask("other", { "x-api-key": token })).status).toBe(401);
    expect(await (await ask("open", { "x-api-key": token })).json()).toMatchObject({ role: "guest" });
  });

  it("counts wrong keys as wrong tokens, and refuses in the form that the route names", async () => {
    await using gateway = await startGateway([route("model", { key: "x-api-key", errors: "anthropic" }, echo)]);
    const answers = [];
    for (let at = 0; at < 12; at++) answers.push(await fetch(`${gateway.url}/model`, { headers: { "x-api-key": `wrong-${at}` } }));
    expect(answers.at(-1)?.status).toBe(429);
    expect(await answers[0]?.json()).toMatchObject({ type: "error", error: { type: "authentication_error", message: expect.any(String) } });
    expect(await answers.at(-1)?.json()).toMatchObject({ type: "error", error: { type: "rate_limit_error" } });
    expect((await fetch(`${gateway.url}/model`, { headers: { "x-api-key": gateway.token } })).status).toBe(200);
  });
});
