import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TokenServer, tokenServer } from "@plinth/sdk/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type House, house, signedIn } from "./house.testing.ts";

const ID = "acme:default";
let server: TokenServer;
let made: House;
const children: ChildProcess[] = [];
beforeEach(async () => {
  server = await tokenServer({ expiresIn: 1 });
  const { deviceUrl, tokenUrl } = server;
  made = await house({ auth: [{ kind: "oauth", deviceUrl, tokenUrl, clientId: "plinth" }], secrets: () => [] });
  await signedIn(made.credentials);
  server.expiresIn = 3_600;
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await made.host.close();
  await server.close();
});

const refreshes = () => server.grants.filter((grant) => grant === "refresh_token").length;
const folder = () => join(made.host.home, "state/plinth.credentials/tokens");
const file = async () => join(folder(), (await readdir(folder())).find((name) => name.endsWith(".json"))!);
const kept = async () => JSON.parse(await readFile(await file(), "utf8"));

/** Another process of the same home that renews the token; what it prints is what came of it. */
function other(calls = 1): ChildProcess {
  const script = join(import.meta.dirname, "refresh-process.testing.ts");
  const child = spawn(process.execPath, [script, folder(), ID, server.tokenUrl, `${calls}`], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  return child;
}
async function said(child: ChildProcess): Promise<{ refreshed?: boolean; value?: string; code?: string; again?: boolean }> {
  let text = "";
  child.stdout!.on("data", (chunk) => (text += chunk));
  await once(child, "close");
  return JSON.parse(text);
}

describe("a token that ends", () => {
  it("is renewed once for twenty that want it at the same time, and what was lent goes on with the new one", async () => {
    const [before] = (await made.credentials.choose({ vendor: "acme" })).order;
    const old = made.held.get(before.secret);
    server.delayMs = 20;
    const all = await Promise.all(Array.from({ length: 20 }, () => made.credentials.refresh({ id: ID })));
    expect(refreshes()).toBe(1);
    expect(new Set(all.map(({ credential }) => credential.expiresAt)).size).toBe(1);
    const now = made.held.get(before.secret)!;
    expect(now).not.toBe(old);
    expect(server.isGood(now)).toBe(true);
    expect((await stat(await file())).mode & 0o777).toBe(0o600);
    expect(await made.credentials.refresh({ id: ID })).toMatchObject({ refreshed: false });
    expect(refreshes()).toBe(1);
  });

  it("is renewed once for three processes and this one", async () => {
    server.delayMs = 50;
    const answers = await Promise.all([...[1, 2, 3].map(() => said(other())), made.credentials.refresh({ id: ID })]);
    expect(answers.filter(({ refreshed }) => refreshed)).toHaveLength(1);
    expect([refreshes(), server.reused]).toEqual([1, []]);
    const values = new Set(answers.flatMap((answer) => ("value" in answer ? [answer.value] : [])));
    expect([...values]).toEqual([(await kept()).access]);
  });

  it("is renewed once for three processes with twenty calls each, and twenty here", async () => {
    server.delayMs = 50;
    const here = Array.from({ length: 20 }, () => made.credentials.refresh({ id: ID }));
    const answers = await Promise.all([...[1, 2, 3].map(() => said(other(20))), ...here]);
    expect([refreshes(), server.reused]).toEqual([1, []]);
    expect(answers.every((answer) => !("code" in answer))).toBe(true);
    expect(server.isGood((await kept()).access)).toBe(true);
  });

  it("is good, can be renewed or wants a new sign-in, whenever a process is killed, and is never sent a second time", async () => {
    for (let at = 0; at < 6; at++) {
      server.expiresIn = 1;
      await signedIn(made.credentials);
      server.expiresIn = 3_600;
      const child = other();
      const [seen, ended] = [refreshes(), once(child, "close")];
      // Before it asks, while it asks, and while it keeps what it was told: at each of these at some time.
      if (at % 2 === 0) while (refreshes() === seen && child.exitCode === null) await new Promise((done) => setTimeout(done, 1));
      else await new Promise((done) => setTimeout(done, 40 * at));
      child.kill("SIGKILL");
      await ended;
      const outcome = await made.credentials.refresh({ id: ID }).then(
        () => "good",
        (thrown: { details?: { again?: boolean } }) => thrown.details?.again,
      );
      expect([outcome === "good" || outcome === true, server.reused]).toEqual([true, []]);
      if (outcome === "good") expect(server.isGood((await kept()).access)).toBe(true);
    }
  });

  it("is not asked for again where a process was killed between the answer and its keeping: the owner has to sign in", async () => {
    server.delayMs = 60_000;
    const child = other();
    while (refreshes() === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    child.kill("SIGKILL");
    await once(child, "close");
    server.delayMs = 0;
    const renewed = made.credentials.refresh({ id: ID });
    await expect(renewed).rejects.toMatchObject({
      code: "PLINTH_CREDENTIAL_REFRESH",
      details: { again: true },
      next: expect.stringContaining("auth login acme"),
    });
    expect([refreshes(), server.reused], "the refresh token is not sent a second time").toEqual([1, []]);
    await expect.poll(async () => (await made.credentials.list({ vendor: "acme" })).credentials[0].reason).toBe("sign-in");
    await signedIn(made.credentials);
    expect((await made.credentials.list({ vendor: "acme" })).credentials).toMatchObject([{ id: ID, reason: "ok" }]);
  });

  it.each([
    [400, "invalid_grant", true],
    [503, "temporarily_unavailable", false],
  ])("where the server answers %i (%s) says whether the owner has to sign in", async (status, error, again) => {
    server.refuse = { status, error };
    const failed = await made.credentials.refresh({ id: ID }).catch((thrown: unknown) => thrown);
    expect(failed).toMatchObject({ code: "PLINTH_CREDENTIAL_REFRESH", details: { again } });
    for (const value of server.values) expect(`${failed.message} ${JSON.stringify(failed)}`).not.toContain(value);
    server.refuse = undefined;
    if (again) await expect(made.credentials.refresh({ id: ID })).rejects.toMatchObject({ details: { again } });
    else expect(await made.credentials.refresh({ id: ID })).toMatchObject({ refreshed: true });
  });

  it("whose new one was cut off on its way is not asked for again: the old one may be used up", async () => {
    server.hangUp = true;
    await expect(made.credentials.refresh({ id: ID })).rejects.toMatchObject({ code: "PLINTH_CREDENTIAL_REFRESH", details: { again: true } });
    server.hangUp = false;
    await expect(made.credentials.refresh({ id: ID })).rejects.toMatchObject({ details: { again: true } });
    expect([refreshes(), server.reused]).toEqual([1, []]);
  });

  it("whose server is away stays as it was: nothing was sent", async () => {
    await server.close();
    await expect(made.credentials.refresh({ id: ID })).rejects.toMatchObject({ code: "PLINTH_CREDENTIAL_REFRESH", details: { again: false } });
    expect(await kept()).not.toHaveProperty("asking");
    expect((await made.credentials.list({ vendor: "acme" })).credentials).toMatchObject([{ id: ID, reason: "ok" }]);
  });

  it("that was refused is not kept as another one: a broken file is no sign-in", async () => {
    await writeFile(await file(), "{ half");
    expect((await made.credentials.list({ vendor: "acme" })).credentials).toMatchObject([{ id: ID, reason: "sign-in" }]);
    await expect(made.credentials.refresh({ id: ID })).rejects.toMatchObject({ code: "PLINTH_CREDENTIAL_REFRESH", details: { again: true } });
  });
});
