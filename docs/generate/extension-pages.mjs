/** What the product's own extensions provide and take; the methods and routes of the gateway. */
import { code, generatedFrom, page, prose, table, WIDE } from "./markdown.mjs";
import { fieldTable, inlined } from "./schema.mjs";

const SOURCE = "extensions/*/*/plinth.json";

export function extensionPages({ extensions, product }) {
  return new Map([
    ["extensions.md", extensionsPage(extensions, product)],
    ["gateway-methods.md", gatewayPage(extensions)],
    ["chat-commands.md", chatPage(extensions)],
  ]);
}

const provided = (extensions, contract) =>
  extensions
    .flatMap((one) => (one.provides ?? []).filter((each) => each.contract === contract).map((each) => ({ ...each, extension: one.id })))
    .sort((a, b) => (a.id < b.id ? -1 : 1));

function extensionsPage(extensions, product) {
  return page(
    WIDE,
    generatedFrom(SOURCE),
    "# First-party extensions",
    "Everything that Plinth can do is an extension. These come with the product. Each can be disabled, and those that fill a slot can be replaced. Most are on by default; the others are [packages on its disk](../plugins.md#the-products-own-packages), installed when they are wanted.",
    table(
      ["extension", "what it is"],
      extensions.map(({ id, title, description }) => [`[${code(id)}](#${id.replaceAll(".", "-")})`, `**${prose(title)}.** ${prose(description)}`]),
    ),
    ...extensions.map((one) => section(one, product)),
  );
}

function section({ id, description, tiers = ["isolate", "process"], provides = [], uses = [], hooks = [], permissions = {}, config }, product) {
  const grouped = new Map();
  for (const { contract, id: capability } of provides) grouped.set(contract, [...(grouped.get(contract) ?? []), capability]);
  const rows = [
    ["on by default", product.default.includes(id) ? "" : `no: ${code(`plinth plugins install ${id}`)}`],
    ["tiers", tiers.join(", ")],
    ["provides", [...grouped].map(([contract, ids]) => `[${code(contract)}](./contracts/${contract}.md) ${ids.map(code).join(", ")}`).join("; ")],
    ["uses", uses.map(({ contract }) => `[${code(contract)}](./contracts/${contract}.md)`).join(", ")],
    ["hooks", hooks.map(({ on }) => code(on)).join(", ")],
    [
      "permissions",
      Object.entries(permissions)
        .map(([kind, list]) => `${kind}: ${list.map(code).join(", ")}`)
        .join("; "),
    ],
  ];
  return page(
    `## ${code(id)}`,
    prose(description),
    table(
      ["", ""],
      rows.filter(([, text]) => text !== ""),
    ),
    config?.properties ? page(`Configuration, under \`extensions["${id}"].config\`:`, fieldTable(inlined(config))).trimEnd() : "",
  ).trimEnd();
}

function gatewayPage(extensions) {
  const methods = provided(extensions, "plinth.gateway-method");
  const routes = provided(extensions, "plinth.http-route");
  return page(
    WIDE,
    generatedFrom(SOURCE),
    "# Gateway methods and routes",
    "What first-party extensions offer on the gateway's port; [the API's page](../api.md) says how to call them. `methods.list` answers with what is there now, installed extensions included.",
    "## WebSocket methods",
    table(
      ["method", "scope", "answers", "meaning", "extension"],
      methods.map(({ id, extension, descriptor }) => [
        code(id),
        descriptor.scope,
        descriptor.streaming ? "events" : "once",
        prose(descriptor.summary),
        code(extension),
      ]),
    ),
    "## Parameters",
    ...methods
      .filter(({ descriptor }) => Object.keys(descriptor.params?.properties ?? {}).length > 0)
      .map(({ id, descriptor }) => page(`### ${code(id)}`, fieldTable(inlined(descriptor.params))).trimEnd()),
    "## HTTP routes",
    table(
      ["route", "token", "meaning", "extension"],
      routes
        .sort((a, b) => (a.descriptor.path < b.descriptor.path ? -1 : 1))
        .map(({ extension, descriptor: { methods = ["GET"], path, auth, summary } }) => [
          code(`${methods.join(", ")} ${path}`),
          auth === undefined || auth === "token" ? "yes" : "no",
          prose(summary),
          code(extension),
        ]),
    ),
  );
}

function chatPage(extensions) {
  const rows = provided(extensions, "plinth.chat-command").flatMap(({ extension, descriptor: { name, summary, usage, role, subcommands = [] } }) => [
    [code(usage ?? `/${name}`), role === "anyone" ? "anyone" : "owner", prose(summary), code(extension)],
    ...subcommands.map((one) => [code(one.usage ?? `/${name} ${one.name}`), "", prose(one.summary), ""]),
  ]);
  return page(
    WIDE,
    generatedFrom(SOURCE),
    "# Slash commands",
    "What people type in a conversation. Installed extensions can add more; `/help` lists those that are there. A command that is open to anyone may still check more for a single operation.",
    table(["command", "who", "meaning", "extension"], rows),
  );
}
