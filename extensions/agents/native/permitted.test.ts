import { expect, it } from "vitest";
import { isPermitted } from "./permitted.ts";

it("lets a turn have what is allowed and not denied, by name and by pattern", () => {
  expect(isPermitted("exec", undefined)).toBe(true);
  expect(isPermitted("exec", {})).toBe(true);
  expect(["files_read", "files_write", "exec"].filter((name) => isPermitted(name, { allow: ["files_*"], deny: ["*_write"] }))).toEqual([
    "files_read",
  ]);
  expect(["a", "ab", "aXbXc", "abc", "ac"].filter((name) => isPermitted(name, { allow: ["a*b*c"] }))).toEqual(["aXbXc", "abc"]);
  expect(isPermitted("aa", { allow: ["aa*a"] })).toBe(false);
  expect(isPermitted("anything", { deny: ["*"] })).toBe(false);
  expect(isPermitted("exec", { allow: [] })).toBe(false);
  expect(isPermitted("a".repeat(50_000), { allow: [`${"*a".repeat(100)}*b`] })).toBe(false);
});
