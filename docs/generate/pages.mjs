/** All generated pages: name below docs/reference/ → text. */
import { cataloguePage } from "./catalogue-page.mjs";
import { changelogPage } from "./changelog.mjs";
import { commandPage } from "./command-page.mjs";
import { contractPages } from "./contract-pages.mjs";
import { readErrorCodes } from "./error-codes.mjs";
import { errorPage } from "./error-page.mjs";
import { extensionPages } from "./extension-pages.mjs";
import { readFacts } from "./facts.mjs";
import { schemaPages } from "./schema-pages.mjs";

export async function referencePages(root) {
  const facts = await readFacts(root);
  return new Map([
    ...schemaPages(facts),
    ...contractPages(facts),
    ...extensionPages(facts),
    ["catalogue.md", cataloguePage(facts)],
    ["changes.md", changelogPage(root)],
    ["commands.md", commandPage(facts)],
    ["errors.md", errorPage(await readErrorCodes(root), facts.extensions)],
    ["contracts.json", `${JSON.stringify(facts.contracts.map(({ id, title }) => ({ id, title })))}\n`],
  ]);
}
