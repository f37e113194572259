import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Subject, subject } from "./bedrock.testing.ts";

const SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const unsigned = { headers: {}, quirks: { region: "eu-west-1" } };

let one: Subject | undefined;
beforeEach(() => {
  // Nothing of whoever runs the tests.
  for (const name of Object.keys(process.env)) if (name.startsWith("AWS_")) vi.stubEnv(name, undefined);
  const nowhere = join(tmpdir(), "no-such-aws-folder");
  vi.stubEnv("HOME", nowhere);
  vi.stubEnv("AWS_CONFIG_FILE", join(nowhere, "config"));
  vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", join(nowhere, "credentials"));
  vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true");
});
afterEach(async () => {
  await one?.close();
  one = undefined;
  vi.unstubAllEnvs();
});
const failed = (attempt: Promise<unknown>) =>
  attempt.then(
    () => expect.fail("it did not fail"),
    (error) => error,
  );

describe("a request without a proof of its endpoint", () => {
  it("is signed with the key of the environment, for its region", async () => {
    one = await subject({ secretAccessKey: SECRET });
    vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", SECRET);
    expect((await one.ask({ model: "arn:aws:bedrock:eu-west-1:1:inference-profile/eu.anthropic.claude-x:0" }, unsigned)).at(-1)).toEqual({
      type: "end",
      reason: "stop",
    });
    const { headers, path } = one.server.requests[0]!;
    expect(headers.authorization).toMatch(/^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/eu-west-1\/bedrock\/aws4_request/);
    expect(path).toBe("/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A1%3Ainference-profile%2Feu.anthropic.claude-x%3A0/converse-stream");
    const { models } = await one.api.models({ endpoint: { ...one.endpoint, ...unsigned } });
    expect(models.map(({ id }) => id)).toEqual(["model-1"]);
  });

  it("is refused with a wrong key, and says so", async () => {
    one = await subject({ secretAccessKey: "another" });
    vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE");
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", SECRET);
    expect(await failed(one.ask({}, unsigned))).toMatchObject({
      code: "PLINTH_MODEL_AUTH",
      details: { status: 403, requestId: "r-1", retryable: false },
    });
  });

  it("is signed with what a machine's metadata service gives, which is asked once", async () => {
    const asked: string[] = [];
    const metadata = createServer((incoming, response) => {
      asked.push(`${incoming.method} ${incoming.url}`);
      if (incoming.method === "PUT") return void response.end("imds-token");
      if (incoming.headers["x-aws-ec2-metadata-token"] !== "imds-token") return void response.writeHead(401).end();
      if (incoming.url?.endsWith("/security-credentials/")) return void response.end("role-1");
      const expires = new Date(Date.now() + 3_600_000).toISOString();
      response.end(JSON.stringify({ Code: "Success", AccessKeyId: "ASIAROLE", SecretAccessKey: SECRET, Token: "session", Expiration: expires }));
    });
    await new Promise<void>((resolve) => metadata.listen(0, "127.0.0.1", resolve));
    vi.stubEnv("AWS_EC2_METADATA_DISABLED", undefined);
    vi.stubEnv("AWS_EC2_METADATA_SERVICE_ENDPOINT", `http://127.0.0.1:${(metadata.address() as AddressInfo).port}`);
    one = await subject({ secretAccessKey: SECRET, env: { AWS_REGION: "ap-south-1" } });
    for (let n = 0; n < 3; n++) await one.ask({}, { headers: {} });
    metadata.close();
    expect(asked).toEqual([
      "PUT /latest/api/token",
      "GET /latest/meta-data/iam/security-credentials/",
      "GET /latest/meta-data/iam/security-credentials/role-1",
    ]);
    for (const { headers } of one.server.requests) {
      expect(headers.authorization).toMatch(/Credential=ASIAROLE\/\d{8}\/ap-south-1\/bedrock/);
      expect(headers["x-amz-security-token"]).toBe("session");
    }
  });

  it("fails with the words of AWS's chain where that gives nothing, and nothing is asked", async () => {
    one = await subject();
    const error = await failed(one.ask({}, unsigned));
    expect(error).toMatchObject({ code: "PLINTH_MODEL_AUTH", details: { retryable: false } });
    expect(error.message).toContain("Could not load credentials from any providers");
    expect(error.next).toContain("AWS_PROFILE");
    const named = await failed(one.ask({}, { ...unsigned, quirks: { profile: "work" } }));
    expect(named).toMatchObject({ code: "PLINTH_MODEL_AUTH", message: expect.stringContaining("AWS's chain of credentials gave none") });
    expect(one.server.requests).toEqual([]);
  });

  it("is said by a header of the endpoint where there is one, and then nothing is signed", async () => {
    one = await subject();
    await one.ask();
    expect(one.server.requests[0]!.headers.authorization).toBe("Bearer token");
    expect(one.server.requests[0]!.headers["x-amz-date"]).toBeUndefined();
  });

  it.each(["https://evil.example", "https://amazonaws.com.evil.example", "https://evilamazonaws.com", "http://10.0.0.1"])(
    "is shown to AWS and to this machine, and not to %s",
    async (baseUrl) => {
      one = await subject();
      const error = await failed(one.ask({}, { ...unsigned, baseUrl }));
      expect(error).toMatchObject({ code: "PLINTH_MODEL_AUTH", message: expect.stringContaining("no server of AWS's") });
    },
  );
});
