import { createHmac, generateKeyPairSync, sign } from "node:crypto";
import { describe, expect, it } from "vitest";
import { equalBytes, hmac, verifyDiscord, verifyHub, verifyLine, verifySlack, verifyStandardWebhook, verifyTwilio } from "./index.ts";

const NOW = 1_531_420_618_000;
const bytes = (text: string) => ({ type: "bytes" as const, base64: Buffer.from(text).toString("base64") });

describe("signatures of webhooks", () => {
  it("knows Slack's, by the example of its documentation, and not one of another body, key or time", async () => {
    const body =
      "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const headers = {
      "x-slack-request-timestamp": "1531420618",
      "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    };
    const key = "8f742231b10e8888abcd99yyyzzz85a5";
    const text = { type: "text" as const, text: body };
    expect(await verifySlack({ headers, body: bytes(body) }, key, NOW)).toBe(true);
    expect(await verifySlack({ headers, body: text }, key, NOW + 299_000)).toBe(true);
    expect(await verifySlack({ headers, body: bytes(`${body} `) }, key, NOW)).toBe(false);
    expect(await verifySlack({ headers, body: text }, `${key}x`, NOW)).toBe(false);
    for (const now of [NOW + 301_000, NOW - 301_000]) expect(await verifySlack({ headers, body: text }, key, now)).toBe(false);
    for (const changed of ["v0=", "v1=a2114d57", "a2114d57", "v0=zz", ""]) {
      expect(await verifySlack({ headers: { ...headers, "x-slack-signature": changed }, body: text }, key, NOW), changed).toBe(false);
    }
    expect(await verifySlack({ headers: {}, body: text }, key, NOW)).toBe(false);
  });

  it("knows Discord's", async () => {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    const key = Buffer.from(publicKey.export({ format: "jwk" }).x as string, "base64url").toString("hex");
    const time = String(NOW / 1_000);
    const headers = {
      "x-signature-timestamp": time,
      "x-signature-ed25519": sign(null, Buffer.from(`${time}{"type":1}`), privateKey).toString("hex"),
    };
    expect(await verifyDiscord({ headers, body: bytes('{"type":1}') }, key, NOW)).toBe(true);
    expect(await verifyDiscord({ headers, body: bytes('{"type":2}') }, key, NOW)).toBe(false);
    expect(await verifyDiscord({ headers, body: bytes('{"type":1}') }, key, NOW + 301_000)).toBe(false);
    expect(await verifyDiscord({ headers, body: bytes('{"type":1}') }, "00".repeat(32), NOW)).toBe(false);
    expect(await verifyDiscord({ headers: { ...headers, "x-signature-ed25519": "xy" }, body: bytes('{"type":1}') }, key, NOW)).toBe(false);
  });

  it("knows those of GitHub and Meta, LINE, Twilio and Standard Webhooks", async () => {
    const body = bytes("Grüße");
    const of = (hash: string, key: string | Buffer, data: string) => createHmac(hash, key).update(data);
    const hub = { "x-hub-signature-256": `sha256=${of("sha256", "k", "Grüße").digest("hex")}` };
    expect([
      await verifyHub({ headers: hub, body }, "k"),
      await verifyHub({ headers: hub, body }, "j"),
      await verifyHub({ headers: {}, body }, "k"),
    ]).toEqual([true, false, false]);
    const line = { "x-line-signature": of("sha256", "k", "Grüße").digest("base64") };
    expect([await verifyLine({ headers: line, body }, "k"), await verifyLine({ headers: line, body: bytes("x") }, "k")]).toEqual([true, false]);
    // The example of Twilio's documentation.
    const twilio = {
      url: "https://example.com/myapp.php?foo=1&bar=2",
      headers: { "x-twilio-signature": "L/OH5YylLD5NRKLltdqwSvS0BnU=" },
      body: bytes(
        new URLSearchParams({
          CallSid: "CA1234567890ABCDE",
          Caller: "+14158675310",
          Digits: "1234",
          From: "+14158675310",
          To: "+18005551212",
        }).toString(),
      ),
    };
    expect(await verifyTwilio(twilio, "12345")).toBe(true);
    expect(await verifyTwilio({ ...twilio, url: "https://example.com/myapp.php?foo=1" }, "12345")).toBe(false);
    // The example of the specification.
    const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const standard = {
      headers: {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,bm9ldHUjKzFob2VudXRob2VodWUzMjRvdWVvdW9ldQo= v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
      },
      body: bytes('{"test": 2432232314}'),
    };
    expect(await verifyStandardWebhook(standard, secret, 1_614_265_330_000)).toBe(true);
    expect(await verifyStandardWebhook({ ...standard, body: bytes("{}") }, secret, 1_614_265_330_000)).toBe(false);
  });

  it("compares all bytes, whatever the first ones say", async () => {
    const of = (...values: number[]) => Uint8Array.from(values);
    expect(equalBytes(of(1, 2), of(1, 2))).toBe(true);
    for (const other of [of(1, 3), of(1), of(1, 2, 0), of()]) expect(equalBytes(of(1, 2), other)).toBe(false);
    expect(equalBytes(of(), of())).toBe(true);
    expect(Buffer.from(await hmac("SHA-512", "k", "d"))).toEqual(createHmac("sha512", "k").update("d").digest());
  });
});
