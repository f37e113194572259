import { cases } from "./cases.js";

/** A library's real result beside the expected one. */
async function run({ code: name }) {
  const [use, expected] = cases[name];
  return [await use(), expected];
}

export default {
  plinth: 1,
  async start(_bridge, _info, registrations) {
    registrations.provide("test.code", "x", { run });
    return { async stop() {} };
  },
};
