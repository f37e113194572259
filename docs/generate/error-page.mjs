/** The page of coded errors. */
import { code, generatedFrom, page, prose, table, WIDE } from "./markdown.mjs";

const TITLES = { host: "The host", registry: "Registry and packages", sdk: "The SDK" };

export function errorPage(errors, extensions) {
  const owners = [...new Set(errors.map((one) => one.owner))].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  return page(
    WIDE,
    generatedFrom("manifests/errors.ts and every `PLINTH_…` code in the sources"),
    "# Error codes",
    "Every error has a code, a sentence, mostly the next step, and the extension that owns it. Codes are stable; sentences may be reworded. " +
      "‹name› stands for a value. An extension of a third party may use codes of its own; what it throws without a code is `PLINTH_EXTENSION_FAILED`.",
    `Owners: ${owners.map((owner) => `[${titleOf(owner, extensions)}](#${anchorOf(owner)})`).join(", ")}.`,
    ...owners.map((owner) =>
      section(
        owner,
        errors.filter((one) => one.owner === owner),
        extensions,
      ),
    ),
  );
}

const titleOf = (owner, extensions) => TITLES[owner] ?? prose(extensions.find((one) => one.id === owner)?.title ?? owner);
const anchorOf = (owner) => `of-${owner.replaceAll(/[^a-z0-9]/g, "-")}`;
const rank = (owner) => Math.max(0, ["host", "sdk", "registry"].indexOf(owner) + 1) || 9;

function section(owner, errors, extensions) {
  const title = titleOf(owner, extensions);
  const heading = `## ${TITLES[owner] ? title : `${title}: ${code(owner)}`} {#${anchorOf(owner)}}`;
  const seen = new Set();
  const rows = errors.map(({ code: name, message, next, file }) => {
    const anchor = seen.has(name) ? "" : `<span id="${owner === "host" ? "" : `${owner}-`}${name}"></span>`;
    seen.add(name);
    return [`${anchor}${code(name)}`, prose(message), prose(next), code(file.replace(/^extensions\/[^/]+\/[^/]+\//, ""))];
  });
  return page(heading, table(["code", "message", "next step", "file"], rows)).trimEnd();
}
