// How everything is bundled.

/** CommonJS inside an ES module bundle still asks for what Node gives each of its modules. */
export const COMMON_JS =
  'import { createRequire as __createRequire } from "node:module"; ' +
  "const require = __createRequire(import.meta.url), __filename = import.meta.filename, __dirname = import.meta.dirname;";

export const esm = {
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node26",
  logLevel: "warning",
  legalComments: "none",
  conditions: ["development"],
  minifySyntax: true,
  // Beside each bundle, for debuggers and `NODE_OPTIONS=--enable-source-maps`; Node reads none of them by itself.
  sourcemap: "linked",
  sourcesContent: false,
  outExtension: { ".js": ".mjs" },
};
