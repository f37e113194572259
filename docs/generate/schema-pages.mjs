/** The files people write or read: manifest, configuration, lockfile. */
import { code, generatedFrom, page, prose, WIDE } from "./markdown.mjs";
import { fieldTable, recordValues, shortType } from "./schema.mjs";

const PAGES = {
  manifest: {
    title: "Manifest: `plinth.json` of an extension",
    source: "manifests/schema/extension.ts",
    text:
      "JSON, at most 512 KiB. Everything that can be answered from it is answered without running code: listing, help, planning, conflicts, consent. " +
      "Whatever an extension provides, uses, hooks into or reaches and does not declare here is refused. Unknown fields are errors, with a path and a suggestion. " +
      "What is particular to a kind of capability stands in `provides[].descriptor`, which the [contract](./contracts/index.md) describes.",
  },
  config: {
    title: "Configuration: `plinth.json` in the home folder",
    source: "manifests/schema/config.ts",
    text:
      "JSON5: comments and trailing commas are fine, and `plinth config set` keeps them. A file that is not there is an empty configuration. " +
      "What each first-party extension takes under `config` stands on [their page](./extensions.md); the [guide](../configuration.md) shows the file in use.",
  },
  lockfile: {
    title: "Lockfile: `plinth.lock` in the home folder",
    source: "manifests/schema/lockfile.ts",
    text: "Written by the host: what is installed, exactly. Keys are sorted, two-space JSON, one final newline: the same state gives the same bytes, so that the file can be kept in version control.",
  },
};

/** What the schemas leave unsaid. */
const MEANINGS = {
  $schema: "For editors.",
  provides: "Capabilities that it provides.",
  "provides.contract": "The contract's id.",
  uses: "Contracts that it calls.",
  "uses.contract": "The contract's id.",
  "uses.optional": "It starts without a provider, too.",
  hooks: "Hooks that it subscribes to.",
  "hooks.on": "The hook's name.",
  "hooks.stage": "Place in the order; default `normal`.",
  "hooks.before": "Run before these extensions, in the same stage.",
  "hooks.after": "Run after these extensions, in the same stage.",
  "defines.id": "The contract's id.",
  "defines.version": "Its version.",
  "defines.title": "Its name for people.",
  "defines.cardinality": "`one` is a slot.",
  "defines.selection": "How consumers choose among providers.",
  "defines.methods": "By name.",
  "defines.methods.*.input": "JSON Schema.",
  "defines.methods.*.output": "JSON Schema of the result.",
  "defines.methods.*.stream": "JSON Schema of each item; instead of `output`.",
  "defines.methods.*.deadlineMs": "Longest wait for the result, or for the next item; 0: none.",
  "defines.methods.*.optional": "A provider may leave it out.",
  "defines.hooks": "By name.",
  "defines.hooks.*.mode": "See [the modes](./hooks.md#modes).",
  "defines.hooks.*.payload": "JSON Schema.",
  "defines.hooks.*.deadlineMs": "For each subscriber.",
  "defines.hooks.*.failure": "See [failure](./hooks.md#failure).",
  permissions: "What it may reach beyond its own code; nothing without it.",
  budgets: "Bounds of its own choice.",
  "budgets.heapMb": "JavaScript heap of its process in MiB; default 128.",
  "budgets.cpuMsPerCall": "CPU time of one call; more ends it. Default 30,000 in an isolate, in a process what the deadline allows.",
  "budgets.callsPerMinute": "Calls that it answers in a minute; no limit by default.",
  "budgets.storageMb": "What `ctx.store` keeps, in MiB; default 16.",
  "extensions.tier": "Where it runs, within what its manifest supports.",
  "extensions.enabled": "Default true.",
  "extensions.config": "Its own configuration, checked against the schema in its manifest.",
  log: "The log on standard error.",
  "log.level": "Default `warn`.",
  policy: "Rules for the host.",
  lockfile: "The format's version.",
  extensions: "Installed extensions by id.",
  "extensions.version": "Exact version.",
  "extensions.signature": "The publisher's signature, if there was one.",
  "extensions.pinnedBy": "Who chose this version; `operator` wins.",
  "extensions.reason": "Why it is here, in words.",
};

export function schemaPages({ schemas }) {
  return new Map(Object.entries(PAGES).map(([name, about]) => [`${name}.md`, schemaPage(schemas[name], about)]));
}

function schemaPage(schema, { title, source, text }) {
  say(schema, "");
  const inner = Object.entries(schema.properties).flatMap(([key, field]) => {
    const object = objectIn(field);
    return object ? [[key, field, object]] : [];
  });
  const top = { ...schema, properties: Object.fromEntries(Object.entries(schema.properties).map(([key, field]) => [key, flat(field)])) };
  return page(
    WIDE,
    generatedFrom(source),
    `# ${title}`,
    text,
    `Source: ${code(source)}; the JSON Schema has the \`$id\` ${code(schema.$id)}.`,
    fieldTable(top),
    ...inner.map(([key, field, object]) =>
      page(`## ${code(key)}`, prose(field.description), `Type: ${code(typeOf(field))}, where an object has:`, fieldTable(object)).trimEnd(),
    ),
  );
}

/** Fill in what the schema itself does not describe. */
function say(schema, prefix) {
  for (const [key, field] of Object.entries(schema.properties ?? {})) {
    const path = prefix === "" ? key : `${prefix}.${key}`;
    field.description ??= MEANINGS[path];
    const values = recordValues(field);
    const inside = values && prefix !== "" ? `${path}.*` : path;
    for (const one of [field, field.items, values, ...(values?.anyOf ?? [])]) if (one?.properties) say(one, inside);
  }
}

const typeOf = (field) => (field.type === "array" ? "object[]" : recordValues(field) ? shortType(field) : "object");

/** The object whose fields get a table of their own. */
function objectIn(field) {
  const values = recordValues(field);
  return [field, field.items, values, ...(values?.anyOf ?? [])].find((one) => one?.properties);
}

/** The field without what its own table says. */
function flat(field) {
  if (field.properties) return { type: "object", description: field.description };
  if (field.items?.properties) return { ...field, items: { type: "object" } };
  return recordValues(field) ? { type: shortType(field), description: field.description } : field;
}
