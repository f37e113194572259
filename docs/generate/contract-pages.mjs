/** One page for each contract, one for the types they share, one for all hooks. */
import { code, duration, fence, generatedFrom, page, prose, table, WIDE } from "./markdown.mjs";
import { fieldTable, typeText } from "./schema.mjs";

export function contractPages({ contracts, types, extensions, product }) {
  const pages = new Map(contracts.map((contract) => [`contracts/${contract.id}.md`, contractPage(contract, types, extensions, product)]));
  pages.set("contracts/index.md", indexPage(contracts));
  pages.set("contracts/types.md", typesPage(types));
  pages.set("hooks.md", hooksPage(contracts, extensions));
  return pages;
}

function indexPage(contracts) {
  return page(
    WIDE,
    generatedFrom("manifests/contracts/"),
    "# Contracts",
    "A contract is a named, versioned interface between extensions. A provider states the exact version that it implements, a consumer states a range. " +
      "`one` is a slot: exactly one provider fills it, and the operator can choose which. " +
      "Payloads share some [types](./types.md); the [hooks](../hooks.md) belong to the contract whose provider fires them.",
    table(
      ["contract", "providers", "what it is"],
      contracts.map(({ id, cardinality, title, summary }) => [`[${code(id)}](./${id}.md)`, cardinality, `**${prose(title)}.** ${prose(summary)}`]),
    ),
  );
}

function contractPage(contract, types, extensions, product) {
  const { id, title, version, summary, cardinality, selection, descriptor, methods, hooks = {}, errors = {}, file } = contract;
  const seen = new Set();
  const nameOf = types.namer(undefined, seen);
  const providers = extensions.flatMap((one) => (one.provides ?? []).filter((each) => each.contract === id).map((each) => [one.id, each.id]));
  const facts = [
    ["version", version],
    ["providers", cardinality === "one" ? "one: a slot" : "many"],
    ["choice among providers", code(selection)],
    ["source", code(file)],
  ];
  if (product.slots[id]) facts.push(["filled by default by", code(product.slots[id])]);
  const body = page(
    generatedFrom(file),
    `# ${title}: ${code(id)}`,
    prose(summary),
    table(["", ""], facts),
    "## Descriptor",
    "What a provider states in its manifest, so that listing needs no code.",
    fieldTable(descriptor, nameOf),
    "## Methods",
    ...Object.entries(methods).map(([name, method]) => methodSection(name, method, nameOf)),
    Object.keys(hooks).length > 0 ? "## Hooks" : "",
    ...Object.entries(hooks).map(([name, hook]) => hookSection(name, hook, nameOf)),
    Object.keys(errors).length > 0 ? "## Errors that callers may branch on" : "",
    Object.keys(errors).length > 0
      ? table(
          ["code", "meaning"],
          Object.entries(errors).map(([name, meaning]) => [code(name), prose(meaning)]),
        )
      : "",
    "## Provided in this product by",
    providers.length > 0 ? providerTable(providers) : "Nobody: it is for extensions to come, or for the kernel itself.",
  );
  const links = [...seen].sort().map((name) => `[${name}](./types.md#${name.toLowerCase()})`);
  return links.length > 0 ? `${body}\nTypes named above: ${links.join(", ")}.\n` : body;
}

function providerTable(providers) {
  const byExtension = new Map();
  for (const [extension, id] of providers) byExtension.set(extension, [...(byExtension.get(extension) ?? []), id]);
  return table(
    ["extension", "ids"],
    [...byExtension].map(([extension, ids]) => [code(extension), ids.map(code).join(", ")]),
  );
}

function methodSection(name, { summary, input, output, stream, deadlineMs, idempotent, optional }, nameOf) {
  const notes = [
    `Deadline: ${duration(deadlineMs)}${stream && deadlineMs > 0 ? " for each item" : ""}.`,
    idempotent ? "Idempotent: calling it again changes nothing more." : "",
    optional ? "Optional: a provider may leave it out; callers then get `PLINTH_UNSUPPORTED`." : "",
  ];
  const text = [`input: ${typeText(input, nameOf)}`, `${stream ? "each item" : "output"}: ${typeText(stream ?? output, nameOf)}`].join("\n\n");
  return page(`### ${code(name)}${stream ? " (stream)" : ""}`, prose(summary), notes.filter(Boolean).join(" "), fence("ts", text)).trimEnd();
}

const MODES = {
  observe: "everybody is told, answers are ignored",
  transform: "each subscriber gets what the one before it answered",
  gate: "the first denial ends it",
  claim: "the first answer ends it",
  "observe-sync": "everybody is told at once; host tier only",
  "transform-sync": "each gets the one before's answer at once; host tier only",
};

function hookSection(name, { summary, mode, payload, deadlineMs, failure }, nameOf) {
  return page(
    `### ${code(name)}`,
    prose(summary),
    `Mode \`${mode}\`: ${MODES[mode]}. Each subscriber has ${duration(deadlineMs)}. A failing subscriber ${failureText(mode, failure)}.`,
    fence("ts", `payload: ${typeText(payload, nameOf)}`),
  ).trimEnd();
}

function failureText(mode, failure) {
  if (failure === "open") return "is skipped (fails `open`)";
  return mode === "gate" ? "denies (fails `closed`)" : "fails the flow (fails `closed`)";
}

function typesPage(types) {
  return page(
    generatedFrom("manifests/contracts/"),
    "# Shared types",
    "Types that payloads of several methods and hooks are made of. Payloads that cross a tier are checked against them.",
    ...types.all.map(({ name, schema, file }) =>
      page(
        `## ${name}`,
        prose(schema.description),
        fence("ts", `type ${name} = ${typeText(schema, types.namer(name))}`),
        `Source: ${code(file)}`,
      ).trimEnd(),
    ),
  );
}

function hooksPage(contracts, extensions) {
  const rows = contracts.flatMap(({ id, hooks = {} }) =>
    Object.entries(hooks).map(([name, { summary, mode, deadlineMs, failure }]) => [
      `[${code(name)}](./contracts/${id}.md#${name.replaceAll(".", "-")})`,
      mode,
      duration(deadlineMs),
      failure,
      prose(summary),
      extensions
        .filter((one) => one.hooks?.some((each) => each.on === name))
        .map((one) => code(one.id))
        .join(", "),
    ]),
  );
  return page(
    WIDE,
    generatedFrom("manifests/contracts/"),
    "# Hooks",
    "A hook is a named point in a flow. Its mode, its deadline and its failure policy belong to the hook; a subscriber may shorten the deadline and tighten the policy, never loosen them.",
    table(["hook", "mode", "deadline", "fails", "what it is", "first-party subscribers"], rows.sort()),
    "## Modes",
    table(
      ["mode", "meaning"],
      Object.entries(MODES).map(([mode, meaning]) => [code(mode), meaning]),
    ),
    "## Order",
    "Stage first (`early`, `normal`, `late`), then `before` and `after` inside a stage, then the extension's id. The order never depends on when something was installed. `plinth hooks` prints it, with calls and errors.",
    "## Failure",
    "`open`: a subscriber that throws or is late is skipped. `closed`: it denies (gate) or fails the flow (transform). A subscriber that fails five times in a row is left alone for ten seconds; in a hook that fails closed it counts as failing all that time.",
  );
}
