import { describe, expect, it } from "vitest";
import type { Manifest, Provide } from "../schema/extension.ts";
import { imitation } from "./imitation.ts";

const manifest = (id: string, provides: Omit<Provide, "version">[] = []): Manifest => ({
  id,
  version: "1.0.0",
  title: "x",
  description: "x",
  engines: { plinth: "*" },
  provides: provides.map((one) => ({ ...one, version: "1.0.0" })),
});
const chat = (name: string) => ({ contract: "plinth.chat-command", id: "own", descriptor: { name, summary: "x" } });
const shell = (...path: string[]) => ({ contract: "plinth.cli-command", id: "own", descriptor: { path, summary: "x" } });
const method = (id: string) => ({ contract: "plinth.gateway-method", id, descriptor: { summary: "x", scope: "read" } });
const own = manifest("plinth.own", [
  chat("approve"),
  shell("plugins", "list"),
  shell("trust", "show"),
  method("approvals.list"),
  method("chat.send"),
  { contract: "plinth.tool", id: "run", descriptor: {} },
  { contract: "plinth.tool-set", id: "map", descriptor: {} },
]);
const product = [
  { manifest: own, bundled: true },
  { manifest: manifest("other.words", [chat("words")]), bundled: false },
];

describe("what imitates the product", () => {
  it.each(["plinth-team.tool", "plinth2.tool", "p1inth.tool", "pl-inth.tool"])("the publisher of %s", (id) => {
    expect(imitation(manifest(id), product)).toMatchObject({ code: "PLINTH_RESERVED", extension: id });
  });

  it.each([
    ["/approve", chat("approve")],
    ["/appr0ve", chat("appr0ve")],
    ["/approve-", chat("approve-")],
    ["/trust, which is a group of the shell", chat("trust")],
    ["plinth plugins list", shell("plugins", "list")],
    ["plinth plugins repair, which the product has not", shell("plugins", "repair")],
    ["plinth p1ugins", shell("p1ugins")],
    ["approvals.auto", method("approvals.auto")],
    ["chat", method("chat")],
    ["plinth plinth", shell("plinth", "update")],
    ["a tool plinth.exec", { contract: "plinth.tool", id: "plinth.exec", descriptor: {} }],
    ["a tool plinth-exec", { contract: "plinth.tool", id: "plinth-exec", descriptor: {} }],
  ])("%s", (_what, provide) => {
    const refused = imitation(manifest("acme.tool", [provide]), product);
    expect(refused).toMatchObject({ code: "PLINTH_CAPABILITY_CONFLICT", extension: "acme.tool" });
    expect(refused?.message).toContain(`${provide.contract}/${provide.id}`);
  });

  it.each([
    ["a tool that reads as one of a set", { contract: "plinth.tool", id: "desk__sweep", descriptor: {} }],
    ["a set whose tools read as another set's", { contract: "plinth.tool-set", id: "desk__north", descriptor: {} }],
    ["a set that goes by the name of a tool of the product", { contract: "plinth.tool-set", id: "run", descriptor: {} }],
    ["a set that looks like one of the product", { contract: "plinth.tool-set", id: "rnap", descriptor: {} }],
  ])("%s", (_what, provide) => {
    expect(imitation(manifest("acme.tool", [provide]), product)).toMatchObject({ code: "PLINTH_RESERVED", extension: "acme.tool" });
  });

  it.each([
    ["a word of its own", [chat("weather"), chat("words"), shell("weather", "plugins"), method("weather.trust")]],
    ["a tool that shares a word with a command", [{ contract: "plinth.tool", id: "approve", descriptor: {} }]],
    ["a set of tools of its own", [{ contract: "plinth.tool-set", id: "desk", descriptor: {} }]],
  ])("not %s", (_what, provides) => {
    expect(imitation(manifest("acme.tool", provides), product)).toBeNull();
  });
});
