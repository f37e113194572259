import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { WIRE } from "./protocol.ts";

const ROOT = join(import.meta.dirname, "../..");
const page = readFileSync(join(ROOT, "docs/wire.md"), "utf8");
const source = (path: string): string => readFileSync(join(ROOT, path), "utf8");

const numbers = [...page.matchAll(/^\| [^|]+ \| `([a-z]+\.ts)` `(\w+)` \| ([\d,]+) \|$/gm)].map(
  ([, file, name, value]) => [file as string, name as string, Number(value?.replaceAll(",", ""))] as const,
);

/** A constant of a file: digits, or a product of them. */
function constant(text: string, name: string): number | undefined {
  const found = new RegExp(`\\b${name}(?:: number)?(?: =|:) ([\\d_]+(?: \\* [\\d_]+)*)[;,]`).exec(text)?.[1];
  return found?.split(" * ").reduce((product, one) => product * Number(one.replaceAll("_", "")), 1);
}

describe("the page of the frame protocol", () => {
  it.each(numbers)("has the number of %s %s", (file, name, value) => {
    expect(constant(source(`manifests/wire/${file}`), name)).toBe(value);
  });

  it("has every number of the protocol", () => {
    const told = numbers.filter(([file]) => file === "protocol.ts").map(([, name]) => name);
    expect(told.sort()).toEqual(Object.keys(WIRE).sort());
  });

  it("has every message", () => {
    const kinds = [...source("manifests/wire/frames.ts").matchAll(/^ {2}\["(\w+)", \(m/gm)].map(([, kind]) => kind);
    expect(kinds.length).toBeGreaterThan(6);
    expect([...page.matchAll(/^\| `\["(\w+)"/gm)].map(([, kind]) => kind).sort()).toEqual(kinds.sort());
  });

  it("has everything that a guest may ask, and everything that the host asks of it", () => {
    const requests = source("sdk/extension/tiers/guest-requests.ts");
    const guest = source("sdk/guest/guest.ts");
    const asked = [
      ...[...requests.matchAll(/^ {6}\["([a-z.]+)", /gm)].map(([, name]) => name),
      ...[...requests.matchAll(/^ +"?\[?"(socket\.close)"/gm)].map(([, name]) => name),
      ...[...requests.matchAll(/^ {6}case "([a-z]+)":/gm)].map(([, name]) => name),
      ...[...guest.matchAll(/method === "([a-z]+)"/g)].map(([, name]) => name),
    ];
    expect(asked.length).toBeGreaterThan(20);
    expect(asked.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });
});
