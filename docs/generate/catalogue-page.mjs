/** Everything there is on one page: each extension with what it brings and takes, each contract with both of its sides. */
import { code, generatedFrom, page, prose, table, WIDE } from "./markdown.mjs";

/** Contracts whose providers people meet as words to type or places to call: told as what they are. */
const SURFACES = {
  "plinth.cli-command": ({ descriptor }) => (descriptor.hidden ? undefined : `plinth ${descriptor.path.join(" ")}`),
  "plinth.chat-command": ({ descriptor }) => `/${descriptor.name}`,
};

export function cataloguePage({ contracts, extensions, product }) {
  const linked = (id) => `[${code(id)}](./contracts/${id}.md)`;
  const ofExtension = ({ id }) => `[${code(id)}](./extensions.md#${id.replaceAll(".", "-")})`;
  const list = (items) => items.join(", ");
  const grouped = (pairs) => [...Map.groupBy(pairs, ([key]) => key)].map(([key, rows]) => [key, rows.map(([, value]) => value)]);
  const extensionRow = (one) => {
    const { tiers = ["isolate", "process"], provides = [], uses = [], hooks = [], config } = one;
    const plain = provides.filter(({ contract }) => SURFACES[contract] === undefined);
    const commands = provides.flatMap((each) => SURFACES[each.contract]?.(each) ?? []);
    return [
      ofExtension(one),
      product.default === undefined || product.default.includes(one.id) ? "on" : "installed on demand",
      list(tiers),
      grouped(plain.map(({ contract, id }) => [contract, id]))
        .map(([contract, ids]) => `${linked(contract)} ${list(ids.map(code))}`)
        .join("; "),
      list(uses.map(({ contract, optional }) => `${linked(contract)}${optional ? "?" : ""}`)),
      list(hooks.map(({ on }) => code(on))),
      list(commands.map(code)),
      list(Object.keys(config?.properties ?? {}).map(code)),
    ];
  };
  const contractRow = ({ id, version, cardinality, hooks = {} }, majors) => [
    linked(id),
    list(majors),
    cardinality === "one" ? "slot" : "many",
    list(extensions.filter((one) => one.provides?.some((each) => each.contract === id && sameMajor(each.version, version))).map(ofExtension)),
    list(extensions.filter((one) => one.uses?.some((each) => each.contract === id)).map(ofExtension)),
    list(Object.keys(hooks).map(code)),
  ];
  const majorsOf = (id) => contracts.filter((one) => one.id === id).map(({ version }) => version);
  return page(
    WIDE,
    generatedFrom("extensions/*/*/plinth.json", "manifests/contracts/"),
    "# Catalogue",
    `${extensions.length} extensions of the product and ${new Set(contracts.map(({ id }) => id)).size} contracts, as their manifests say it. A \`?\` marks what an extension can do without. ` +
      "[Extensions](./extensions.md), [contracts](./contracts/), [hooks](./hooks.md) and [commands](./commands.md) have pages with more of each.",
    "## Extensions",
    table(["extension", "by default", "tiers", "provides", "uses", "hooks", "commands", "configuration"], extensions.map(extensionRow)),
    "## Contracts",
    prose(
      "A contract that nobody provides is for extensions to come, or the kernel's own. `many` contracts have any number of providers; a slot has one.",
    ),
    table(
      ["contract", "versions", "providers are", "provided by", "used by", "hooks"],
      contracts.map((one) => contractRow(one, majorsOf(one.id))),
    ),
  );
}

const sameMajor = (one, other) => Number.parseInt(one, 10) === Number.parseInt(other, 10);
