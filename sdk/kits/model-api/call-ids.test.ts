import { expect, it } from "vitest";
import { CallIds } from "./call-ids.ts";

it.each(["any", "nine", "forty", "sixty-four"] as const)(
  "gives each of very many calls of one id its own, of the form %s, the same ones again",
  (form) => {
    const made = () => {
      const ids = new CallIds(form);
      return Array.from({ length: 50_000 }, () => ids.next("a"));
    };
    const first = made();
    expect(new Set(first).size).toBe(first.length);
    expect(made()).toEqual(first);
  },
);
