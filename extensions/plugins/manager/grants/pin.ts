import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type Context, type Manifest, PlinthError } from "@plinth/sdk";
import type { Operation } from "../operation.ts";
import { code } from "../report.ts";
import type { Grant } from "./grant.ts";
import { granted } from "./granted.ts";

type Pin = NonNullable<Grant["pins"]>[number];

interface Pinning {
  status: "pinned" | "unpinned" | "needs-confirmation";
  id: string;
  pin: Pin;
}

/**
 * Which programs may have an extension's secrets: by what they are now, since whoever changes the program would have them, and
 * in which variable, since most programs show what they find in one that is not for secrets.
 */
export function pin(ctx: Context): Operation {
  return {
    group: "grants",
    name: "pin",
    summary: "Let an extension hand secrets to a program, as long as the program stays what it is",
    access: "owner",
    args: [
      { name: "id", summary: "Such as acme.forge", required: true },
      { name: "program", summary: "A name in /usr/bin, or an absolute path", required: true },
    ],
    options: {
      secret: {
        type: "string",
        value: "NAMES",
        summary: "Which of its secrets, separated by commas; NAME=VARIABLE where the program's variable has another name",
      },
      yes: { type: "boolean", short: "y", summary: "Do not ask" },
      sha256: { type: "string", value: "HASH", summary: "Only if the program's SHA-256 is this" },
      not: { type: "boolean", summary: "Take it back" },
    },
    examples: ["pin acme.forge gh --secret GITHUB_TOKEN=GH_TOKEN", "pin acme.forge gh --not"],
    async *run({ input, signal }): AsyncGenerator<string, Pinning> {
      const id = String(input.id);
      const { grant } = await granted(ctx, id, signal);
      const program = await pathOf(String(input.program));
      const others = (grant.pins ?? []).filter((one) => one.program !== program);
      const change = (pins: Pin[]) => ctx.use("plinth.host-admin").one().grant({ id, pins }, { signal });
      if (input.not === true) {
        yield `Changing the grant of ${id} …`;
        await change(others);
        return { status: "unpinned", id, pin: { program, sha256: "", secrets: [] } };
      }
      const { manifest } = await ctx.use("plinth.host").one().describe({ id }, { signal });
      const secrets = secretsOf(id, manifest as Manifest, input.secret);
      const sha256 = await digestOf(program);
      const made: Pin = { program, sha256, secrets };
      if (typeof input.sha256 === "string" && input.sha256 !== sha256)
        throw new PlinthError("PLINTH_USAGE", `${program} is not the program any more that was shown.`, { next: "Pin it again without --sha256." });
      if (input.yes !== true) return { status: "needs-confirmation", id, pin: made };
      yield `Changing the grant of ${id} …`;
      await change([...others, made]);
      return { status: "pinned", id, pin: made };
    },
    report({ status, id, pin: { program, sha256, secrets } }: Pinning, { requester }) {
      if (status === "unpinned") return { blocks: [{ text: `${code(id)} can hand no secret to ${code(program)} any more.` }] };
      const names = inWords(secrets);
      if (status === "pinned")
        return { blocks: [{ text: `${code(id)} may hand ${names} to ${code(program)}, as long as its SHA-256 is ${code(sha256)}.` }] };
      const argv = ["grants", "pin", id, program, "--secret", secrets.join(","), "--sha256", sha256, "--yes"];
      const chat = requester.surface === "chat";
      const how = `${chat ? "/plugins" : "plinth"} ${argv.join(" ")}`;
      return {
        blocks: [
          { text: `Let ${code(id)} hand ${names} to ${code(program)}, SHA-256 ${code(sha256)}?` },
          {
            items: [
              "the program sees the value, in this variable and in no other; it is in no log and no command line",
              "the variable must be the one that the program reads secrets from: what it finds in another one, it may show",
              `${id} sees it too if the program shows it, or runs what it is told to (a shell, an interpreter, git with its hooks)`,
              "a program with other bytes gets nothing: after its update, pin it again",
            ],
          },
          { text: `Yes: ${code(how)}. No: do nothing.` },
        ],
        ...(chat
          ? { suggest: [{ label: `Pin ${program}`, text: how }] }
          : { confirm: { question: `Pin ${program} for ${secrets.join(", ")}?`, argv } }),
      };
    },
  };
}

async function pathOf(program: string): Promise<string> {
  const { programPath } = await import("@plinth/sdk/tiers");
  const path = programPath(program);
  if (path !== undefined) return path;
  throw new PlinthError("PLINTH_USAGE", `There is no program ${program.slice(0, 200)} here.`, { next: "Name one in /usr/bin, or give its path." });
}

function secretsOf(id: string, { permissions = {} }: Manifest, asked: unknown): string[] {
  const names = [
    ...new Set(
      String(asked ?? "")
        .split(",")
        .filter(Boolean),
    ),
  ];
  const declared = permissions.secrets ?? [];
  const unknown = names.find((name) => !declared.includes(name.split("=")[0] ?? ""));
  const odd = names.find((name) => !/^[^=]*(=[A-Za-z_][A-Za-z0-9_]*)?$/.test(name));
  if (odd !== undefined)
    throw new PlinthError("PLINTH_USAGE", `${odd.slice(0, 100)} does not say a secret and a variable.`, {
      next: "Say it so: --secret NAME=VARIABLE",
    });
  if (names.length > 0 && unknown === undefined) return names;
  throw new PlinthError("PLINTH_USAGE", unknown === undefined ? "Which secret?" : `${id} did not declare the secret ${unknown.slice(0, 100)}.`, {
    extension: id,
    next: declared.length === 0 ? "It uses no secrets." : `Say which: --secret ${declared.join(",")}`,
  });
}

/** Such as "`TOKEN` as `GH_TOKEN`, `KEY`". */
export const inWords = (secrets: readonly string[]): string => secrets.map((one) => one.split("=").map(code).join(" as ")).join(", ");

async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
