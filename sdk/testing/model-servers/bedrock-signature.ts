import { createHash, createHmac } from "node:crypto";
import type { AskedRequest } from "./script.ts";

/**
 * What is wrong with the proof of a request, in AWS's words: a bearer token, or a signature of version 4 as
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html describes it; undefined: nothing.
 *
 * @param secret of the key; undefined: every signature is taken.
 */
export function signatureProblem({ method, path, headers }: AskedRequest, secret: string | undefined): { type: string; message: string } | undefined {
  const { authorization = "" } = headers;
  if (authorization === "") return { type: "MissingAuthenticationTokenException", message: "Missing Authentication Token" };
  if (secret === undefined || authorization.startsWith("Bearer ")) return undefined;
  const wrong = (message: string) => ({ type: "InvalidSignatureException", message });
  const [, date = "", region = "", service = "", names = "", signature] =
    /^AWS4-HMAC-SHA256 Credential=[^/]+\/(\d{8})\/([a-z0-9-]+)\/([a-z]+)\/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/.exec(
      authorization,
    ) ?? [];
  if (service !== "bedrock") return wrong("Credential should be scoped to correct service: 'bedrock'.");
  const [place = "", query = ""] = path.split("?");
  const canonical = [
    method,
    // The path, encoded once more.
    place.split("/").map(encode).join("/"),
    [...new URLSearchParams(query)]
      .map(([name, value]) => `${encode(name)}=${encode(value)}`)
      .sort()
      .join("&"),
    ...names.split(";").map((name) => `${name}:${(headers[name] ?? "").trim().replace(/ +/g, " ")}`),
    "",
    names,
    headers["x-amz-content-sha256"] ?? "",
  ].join("\n");
  const scope = `${date}/${region}/${service}/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", headers["x-amz-date"] ?? "", scope, createHash("sha256").update(canonical).digest("hex")].join("\n");
  const key = [date, region, service, "aws4_request"].reduce<Buffer | string>((made, part) => hmac(made, part), `AWS4${secret}`);
  if (hmac(key, text).toString("hex") === signature) return undefined;
  return wrong("The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.");
}

const hmac = (key: Buffer | string, text: string): Buffer => createHmac("sha256", key).update(text).digest();
const encode = (text: string): string => encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
