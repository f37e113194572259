import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type Command, matchArgv } from "../extensions/surfaces/cli/argv.ts";

const root = join(import.meta.dirname, "..");
const docs = join(root, "docs");
const guides = readdirSync(docs).filter((name) => name.endsWith(".md"));
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const forAuthors = readdirSync(join(docs, "authors")).map((name) => `docs/authors/${name}`);
const pages = ["README.md", "CONTRIBUTING.md", ...guides.map((name) => `docs/${name}`), ...forAuthors];

beforeAll(() => {
  if (!existsSync(join(root, "dist/commands.json"))) throw new Error("The product is not built: run `npm run build` first.");
  execFileSync(process.execPath, [join(root, ".ci/docs.mjs")], { stdio: "ignore" });
});

describe("the documentation", () => {
  it.each(pages)("has no dead link in %s", (page) => {
    const dead = linksOf(read(page)).filter((link) => !existsSync(join(root, dirname(page), link)));
    expect(dead).toEqual([]);
  });

  it.each(pages)("shows only commands that exist in %s", (page) => {
    const { commands } = JSON.parse(read("dist/commands.json")) as { commands: Command[] };
    const wrong = commandsOf(read(page)).flatMap((line) => {
      const { command, help, version, error } = matchArgv(commands, wordsOf(line));
      if (error !== undefined) return [`${line}: ${error.message}`];
      return command === undefined && !help && !version ? [`${line}: no such command`] : [];
    });
    expect(wrong).toEqual([]);
  });

  it.each(pages)("names only files that exist in %s", (page) => {
    const named = read(page).matchAll(/(?<![\w./~-])(?:kernel|manifests|sdk|registry|extensions|templates|test\/fixtures|\.ci)\/[\w./-]*\w/g);
    // Below generated/ is what the build makes.
    const missing = [...named].map(([path]) => path).filter((path) => !existsSync(join(root, path)) && !path.includes("/generated"));
    expect(missing).toEqual([]);
  });

  it("names every file of the kernel in the architecture, and no other", () => {
    const section = read("docs/architecture.md").split("## kernel/: the host")[1]?.split("###")[0] ?? "";
    const named = [...section.matchAll(/`([\w/-]+\.(?:ts|cjs|mjs))`/g)].map(([, name]) => name);
    expect(named.sort()).toEqual(kernelFiles(join(root, "kernel")).sort());
  });

  it("shows the table of authority as the host decides by it", async () => {
    const text = read("docs/security/model.md");
    const shown = /(<!-- authority: [^>]*-->\n\n)([\s\S]*?)(\n\n<!-- authority end -->)/;
    const { authorityTable } = await import(join(docs, "generate/authority-table.mjs"));
    const table: string = await authorityTable(root);
    if (process.env.PLINTH_WRITE_DOCS === "1") writeFileSync(join(docs, "security/model.md"), text.replace(shown, `$1${table}$3`));
    expect(shown.exec(read("docs/security/model.md"))?.[2], "PLINTH_WRITE_DOCS=1 writes it anew").toBe(table);
  });

  it.each([
    ["vendors", "vendorTable"],
    ["packages", "packageTable"],
  ])("shows the %s of models as their manifests say them", async (name, made) => {
    const text = read("docs/models.md");
    const shown = new RegExp(`(<!-- ${name}: [^>]*-->\\n\\n)([\\s\\S]*?)(\\n\\n<!-- ${name} end -->)`);
    const table: string = (await import(join(docs, "generate/vendor-table.mjs")))[made](root);
    if (process.env.PLINTH_WRITE_DOCS === "1") writeFileSync(join(docs, "models.md"), text.replace(shown, `$1${table}$3`));
    expect(shown.exec(read("docs/models.md"))?.[2], "PLINTH_WRITE_DOCS=1 writes it anew").toBe(table);
  });

  it("shows what becomes of each field of the model APIs as the code decides by it", async () => {
    const text = read("docs/api.md");
    const shown = /(<!-- fields: [^>]*-->\n\n)([\s\S]*?)(\n\n<!-- fields end -->)/;
    const { fieldTables } = await import(join(docs, "generate/field-table.mjs"));
    const tables: string = await fieldTables(root);
    if (process.env.PLINTH_WRITE_DOCS === "1") writeFileSync(join(docs, "api.md"), text.replace(shown, `$1${tables}$3`));
    expect(shown.exec(read("docs/api.md"))?.[2], "PLINTH_WRITE_DOCS=1 writes it anew").toBe(tables);
  });

  it("draws the house and one message's way as they are", async () => {
    const { housePicture } = await import(join(docs, "generate/house-picture.mjs"));
    const { messagePicture } = await import(join(docs, "generate/message-picture.mjs"));
    const drawn: Record<string, string> = { "house.svg": housePicture(root), "message.svg": messagePicture() };
    for (const [name, svg] of Object.entries(drawn)) {
      if (process.env.PLINTH_WRITE_DOCS === "1") writeFileSync(join(docs, "public", name), svg);
      expect(read(`docs/public/${name}`), "PLINTH_WRITE_DOCS=1 draws it anew").toBe(svg);
    }
  });

  it("takes a message only where manifests and contracts let it go", async () => {
    const { PARTIES, WAY } = await import(join(docs, "generate/message-picture.mjs"));
    const { readFacts } = await import(join(docs, "generate/facts.mjs"));
    const { contracts, extensions } = await readFacts(root);
    const extension = (id: string) => extensions.find((one: { id: string }) => one.id === id);
    const names = (list: { contract: string }[] = []): string[] => list.map(({ contract }) => contract);
    const ids = PARTIES.map(({ id }: { id: string }) => id);
    for (const { from, to, call, hook } of WAY) {
      expect(ids).toContain(from);
      if (call !== undefined) {
        const [contract, method] = call;
        expect(Object.keys(contracts.find((one: { id: string }) => one.id === contract)?.methods ?? {}), contract).toContain(method);
        expect(names(extension(from).uses), `${from} uses`).toContain(contract);
        expect(names(extension(to).provides), `${to} provides`).toContain(contract);
      }
      if (hook === undefined) continue;
      const owner = contracts.find((one: { hooks?: object }) => Object.hasOwn(one.hooks ?? {}, hook));
      expect(names(extension(from).provides), `${from} fires ${hook}`).toContain(owner?.id);
    }
  });

  it("lists in the catalogue each extension and each contract that is there, with what it provides, uses, hooks, offers to type and takes", async () => {
    const lines = read("docs/reference/catalogue.md").split("\n");
    const rowOf = (id: string, page: string): string => lines.find((line) => line.startsWith(`| [\`${id}\`](./${page}`)) ?? "";
    const missing: string[] = [];
    const folders = readdirSync(join(root, "extensions"), { recursive: true, encoding: "utf8" }).filter((name) =>
      /^[^/]+\/[^/]+\/plinth\.json$/.test(name),
    );
    expect(folders.length).toBeGreaterThan(20);
    for (const folder of folders) {
      const { id, tiers = [], provides = [], uses = [], hooks = [], config } = JSON.parse(read(`extensions/${folder}`));
      const typed = (one: any): string =>
        one.contract === "plinth.cli-command" ? `plinth ${one.descriptor.path.join(" ")}` : `/${one.descriptor.name}`;
      const words = [
        ...tiers,
        ...provides
          .filter((one: any) => one.descriptor.hidden !== true)
          .map((one: any) => (/(cli|chat)-command$/.test(one.contract) ? typed(one) : one.id)),
        ...uses.map((one: any) => one.contract),
        ...hooks.map((one: any) => one.on),
        ...Object.keys(config?.properties ?? {}),
      ];
      missing.push(...words.filter((word) => !rowOf(id, "extensions.md").includes(word)).map((word) => `${id}: ${word}`));
      for (const { contract } of provides) if (!rowOf(contract, "contracts/").includes(`\`${id}\``)) missing.push(`${contract}: ${id}`);
    }
    expect(missing).toEqual([]);
  });

  it("gives every field of manifest, configuration and lockfile a meaning", () => {
    const rows = ["manifest", "config", "lockfile"].flatMap((name) => read(`docs/reference/${name}.md`).split("\n"));
    const fields = rows.filter((line) => line.startsWith("| `"));
    expect(fields.length).toBeGreaterThan(60);
    expect(fields.filter((line) => /\|\s*\|$/.test(line)).map((line) => line.split("|")[1]?.trim())).toEqual([]);
  });
});

/** Relative targets of links and pictures, without anchors. */
function linksOf(text: string): string[] {
  const prose = text.replaceAll(/^```[\s\S]*?^```/gm, "");
  const targets = [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target.split("#")[0] ?? "");
  return targets.filter((target) => target !== "" && !/^[a-z]+:/.test(target));
}

/** What shell blocks and consoles show that runs `plinth`, without what the launcher itself takes. */
function commandsOf(text: string): string[] {
  const typed = [...text.matchAll(/^```(sh|console)\n([\s\S]*?)^```/gm)].flatMap(([, kind, block = ""]) => {
    const lines = block.split("\n");
    return kind === "sh" ? lines : lines.flatMap((line) => /^(?:\w+ )?\$ (.*)$/.exec(line)?.[1]?.replace(/ {3}# [\d.]+ s$/, "") ?? []);
  });
  const lines = typed.flatMap((line) => line.split(" && ")).filter((line) => line.startsWith("plinth "));
  // What the shell does with it besides is not plinth's.
  return lines.map((line) =>
    line
      .replace(/^plinth /, "")
      .replace(" --safe-mode", "")
      .replace(/ [<&|] .*$/, ""),
  );
}

/** Words as a shell splits them. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/(?:[^\s"']|"[^"]*"|'[^']*')+/g)].map(([word]) => word.replaceAll(/"([^"]*)"|'([^']*)'/g, "$1$2"));
}

function kernelFiles(dir: string, top = dir): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return entry.name === "node_modules" || entry.name === "test" ? [] : kernelFiles(path, top);
    return /\.(ts|cjs|mjs)$/.test(entry.name) && !/\.(test|testing)\.ts$/.test(entry.name) ? [relative(top, path)] : [];
  });
}
