/** The files people write or read: manifest, configuration, lockfile. */
import { code, generatedFrom, page, prose } from "./markdown.mjs";
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

export function schemaPages({ schemas }) {
  return new Map(Object.entries(PAGES).map(([name, about]) => [`${name}.md`, schemaPage(schemas[name], about)]));
}

function schemaPage(schema, { title, source, text }) {
  const inner = Object.entries(schema.properties).flatMap(([key, field]) => {
    const object = objectIn(field);
    return object ? [[key, field, object]] : [];
  });
  const top = { ...schema, properties: Object.fromEntries(Object.entries(schema.properties).map(([key, field]) => [key, flat(field)])) };
  return page(
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
