import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { PlinthError } from "@plinth/sdk";

type Env = Readonly<Partial<Record<string, string>>>;

/** Where the parts of this installation lie that authors need. Each is looked for when it is asked for. */
export interface Product {
  /** The folder with one folder for each template. */
  templates(): string;
  /** The folder of @plinth/sdk, built or as source. */
  sdk(): string | undefined;
  /** The `plinth` program. */
  bin(): string | undefined;
  /** The repository, when this installation is one. */
  checkout(): string | undefined;
  readonly version: string;
}

/** Built, this file lies in dist/extensions/plinth.author; as source, in extensions/plugins/author. */
export function findProduct(env: Env): Product {
  return {
    templates() {
      const found = first(env.PLINTH_TEMPLATES, "../../templates/", "../../../templates/");
      if (found !== undefined) return found;
      throw new PlinthError("PLINTH_TEMPLATES_MISSING", "This installation has no templates.", {
        next: "Install Plinth again, or set PLINTH_TEMPLATES to a folder with templates.",
      });
    },
    sdk: () => first(env.PLINTH_SDK_DIR, "../../sdk/", "../../../sdk/"),
    checkout() {
      const sources = first(undefined, "../../../sdk/extension/index.ts");
      return sources === undefined ? undefined : join(dirname(sources), "../..");
    },
    get version() {
      const file = first(undefined, "../../../package.json");
      return file === undefined ? "0" : (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
    },
    bin: () => first(env.PLINTH_BIN, "../../bin/plinth.cjs", "../../kernel/bin/plinth.cjs", "../../../kernel/bin/plinth.cjs"),
  };
}

/** What the operator named, or else the first candidate beside this file that exists. */
function first(named: string | undefined, ...candidates: string[]): string | undefined {
  if (named !== undefined && named !== "") return named;
  return candidates.map((candidate) => fileURLToPath(new URL(candidate, import.meta.url))).find((path) => existsSync(path));
}
