/** The vendors of models that come with the product, as their manifests say them. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { code, table } from "./markdown.mjs";

export function vendorTable(root) {
  const folder = join(root, "extensions/vendors");
  const vendors = readdirSync(folder).map((name) => JSON.parse(readFileSync(join(folder, name, "plinth.json"), "utf8")).provides[0]);
  vendors.sort((a, b) => a.descriptor.priority - b.descriptor.priority);
  return table(["vendor", "id", "protocol", "also", "besides", "key", "regions", "models", "read on"], vendors.map(row)).trim();
}

/** Those that are installed on demand, with the code of their own protocols. */
export function packageTable(root) {
  const folder = join(root, "extensions/models");
  const read = (...path) => JSON.parse(readFileSync(join(...path), "utf8"));
  const { default: on } = read(root, "extensions/product.json");
  const found = readdirSync(folder).flatMap((name) => {
    const { id: extension, provides = [] } = read(folder, name, "plinth.json");
    const vendors = on.includes(extension) ? [] : provides.filter(({ contract }) => contract === "plinth.model-vendor");
    return vendors.map((vendor) => ({ extension, ...vendor }));
  });
  found.sort((a, b) => a.descriptor.priority - b.descriptor.priority);
  return table(["vendor", "package", "models", "key", "regions", "read on"], found.map(packageRow)).trim();
}

const packageRow = ({ extension, descriptor: { title, website, apis = {}, auth, baseUrls } }) => [
  `[${title}](${website})`,
  code(extension),
  Object.entries(apis)
    .map(([contract, { models = [] }]) => `${contract.replace("plinth.", "")} (${models.length})`)
    .join(", "),
  auth.map(waysIn).join(" or "),
  Object.keys(baseUrls)
    .filter((name) => name !== "default")
    .map(code)
    .join(", "),
  Object.values(apis)
    .map(({ catalogue }) => catalogue?.date ?? "")
    .sort()
    .at(-1) ?? "",
];

const row = ({ id, descriptor }) => {
  const { title, website, api, otherApis = {}, apis = {}, auth, baseUrls, models = [], catalogue } = descriptor;
  const regions = Object.keys(baseUrls).filter((name) => name !== "default");
  return [
    `[${title}](${website})`,
    code(id),
    api === undefined ? "" : code(api),
    Object.keys(otherApis).map(code).join(", "),
    Object.keys(apis)
      .map((contract) => contract.replace("plinth.", ""))
      .join(", "),
    auth.map(waysIn).join(" or "),
    regions.length > 4 ? `${regions.length}` : regions.map(code).join(", "),
    api === undefined ? "" : models.length === 0 ? "what it lists" : `${models.length}`,
    catalogue?.date ?? "",
  ];
};

// Without an address for tokens it is another program that signs in.
const waysIn = ({ kind, secret, tokenUrl }) =>
  ({ key: code(secret ?? ""), none: "none", oauth: tokenUrl === undefined ? "its program's sign-in" : "signing in", aws: "AWS credentials" })[kind];
