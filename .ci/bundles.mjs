// How everything is bundled.
import http from "node:http";

/** CommonJS inside an ES module bundle still asks for what Node gives each of its modules. */
export const COMMON_JS =
  'import { createRequire as __createRequire } from "node:module"; ' +
  "const require = __createRequire(import.meta.url), __filename = import.meta.filename, __dirname = import.meta.dirname;";

/**
 * What is imported of node:http as a module has each of its exports read, and with WebSocket goes all that `fetch` is made of:
 * 16 MiB and 40 ms of each start. Here it is required, without what is made when it is read.
 */
const requiredHttp = {
  name: "required-http",
  setup({ onResolve, onLoad }) {
    const plain = Object.entries(Object.getOwnPropertyDescriptors(http)).flatMap(([name, { get }]) => (get === undefined ? [name] : []));
    const contents = `const http = require("node:http"); export default http; export const { ${plain.join(", ")} } = http;`;
    onResolve({ filter: /^node:http$/ }, ({ path, kind }) =>
      kind === "require-call" ? { path, external: true } : { path, namespace: "(required)" },
    );
    onLoad({ filter: /./, namespace: "(required)" }, () => ({ contents }));
  },
};

/**
 * What is held to their schemas is held to modules that lie once in the product: in each bundle they would be a third of it,
 * read, written and mapped again.
 */
export const VALIDATORS = ["manifest.js", "registry.js"];

/** Validators are imported from a folder, which the bundles name by the way from where they lie. */
export const validatorsIn = (way) => ({
  name: "validators",
  setup({ onResolve }) {
    const found = (name) => ({ path: `${way}/${name}`, external: true });
    for (const name of VALIDATORS) onResolve({ filter: new RegExp(`/generated/${RegExp.escape(name)}$`) }, () => found(name));
  },
});

export const esm = {
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node26",
  logLevel: "warning",
  legalComments: "none",
  conditions: ["development"],
  minifySyntax: true,
  minifyWhitespace: true,
  // Beside each bundle, for debuggers and `NODE_OPTIONS=--enable-source-maps`; Node reads none of them by itself.
  sourcemap: "linked",
  sourcesContent: false,
  outExtension: { ".js": ".mjs" },
};

/** What runs in the host, whose start everybody waits for. */
export const hosted = { ...esm, banner: { js: COMMON_JS }, plugins: [requiredHttp] };
