import { describe, expect, it } from "vitest";
import { createRootContainer, InstanceContainer } from "./container.ts";

const manifest = {
  id: "acme.x",
  provides: [{ contract: "x.c", version: "1.0.0", id: "one", descriptor: {} }],
  hooks: [{ on: "x.happened" }],
} as never;
const make = (): InstanceContainer => new InstanceContainer(manifest, createRootContainer());

describe("an instance's container", () => {
  it("holds what is declared and refuses what is not", () => {
    const container = make();
    const provider = { run: () => 1 };
    container.provide("x.c", "one", provider);
    container.on("x.happened", () => 2);
    expect(container.provider("x.c/one")).toBe(provider);
    expect(container.handler("x.happened")?.({}, {} as never)).toBe(2);
    for (const attempt of [
      () => container.provide("x.c", "two", provider),
      () => container.provide("x.d", "one", provider),
      () => container.on("x.other", () => {}),
    ]) {
      expect(attempt).toThrow(expect.objectContaining({ code: "PLINTH_UNDECLARED", extension: "acme.x" }));
    }
    expect(container.provider("x.c/two")).toBeUndefined();
    expect(container.handler("x.other")).toBeUndefined();
  });

  it("shares nothing with another one", () => {
    const root = createRootContainer();
    const [one, other] = [new InstanceContainer(manifest, root), new InstanceContainer(manifest, root)];
    one.provide("x.c", "one", {});
    expect(other.provider("x.c/one")).toBeUndefined();
  });

  it("makes a scope's values once, and disposes them newest first", async () => {
    const container = make();
    const disposed: string[] = [];
    const value = (name: string) => ({ dispose: async () => void disposed.push(name) });
    const scope = container.scope("session:1");
    expect(container.scope("session:1")).toBe(scope);
    const first = scope.get("a", () => value("a"));
    expect(scope.get("a", () => value("never"))).toBe(first);
    scope.get("b", () => value("b"));
    for (const plain of [null, 0, "", false]) expect(scope.get(`plain ${plain}`, () => plain)).toBe(plain);
    await scope.dispose();
    expect(disposed).toEqual(["b", "a"]);
    expect(container.scope("session:1")).not.toBe(scope);
  });

  it("disposes every scope with itself", async () => {
    const container = make();
    const disposed: string[] = [];
    for (const name of ["one", "two"]) container.scope(name).get("v", () => ({ dispose: () => void disposed.push(name) }));
    await container.dispose();
    expect(disposed.sort()).toEqual(["one", "two"]);
  });
});
