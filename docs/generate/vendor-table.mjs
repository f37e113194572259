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
