import { expect, it } from "vitest";
import { libraryAt } from "./library.ts";

const bundle = `var __commonJS = (cb) => cb;
// node_modules/@acme/reader/index.js
var require_reader = __commonJS({
  "node_modules/@acme/reader/index.js"(exports) {
    fetch("https://acme.example");
  }
});
// node_modules/tiny/dist/index.mjs
// a comment of its own
eval("1");
// src/index.ts
fetch("https://own.example");
`;

it.each([
  [5, "@acme/reader"],
  [10, "tiny"],
  [12, undefined],
  [1, undefined],
])("line %i of a bundle is of the package %s", (line, name) => expect(libraryAt(bundle, line)).toBe(name));
