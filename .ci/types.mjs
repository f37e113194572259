// Type declarations of a package, with what they need of manifests/, as one self-contained folder.
import { execFile } from "node:child_process";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { promisify } from "node:util";

const root = join(import.meta.dirname, "..");

/** The TypeScript files that a package's exports name, but for some of its exports. */
export async function filesOfPackage(folder, without = []) {
  const { exports } = JSON.parse(await readFile(join(root, folder, "package.json"), "utf8"));
  return Object.entries(exports)
    .filter(([name, path]) => path.endsWith(".ts") && !without.includes(name))
    .map(([, path]) => join(root, folder, path));
}

/** `scratch`: a folder directly below the repository, for a configuration file that goes again. */
export async function emitTypes(out, scratch, files) {
  const config = join(scratch, `tsconfig.${relative(root, out).replaceAll(/[\\/]/g, "-")}.json`);
  // By path and not by package: only what is not a library is emitted.
  const paths = { "@plinth/manifests": [join(root, "manifests/index.ts")], "@plinth/manifests/*": [join(root, "manifests/*")] };
  await writeFile(
    config,
    JSON.stringify({
      extends: "../tsconfig.json",
      compilerOptions: {
        noEmit: false,
        incremental: false,
        // An option that is null is none, also where the base has one.
        tsBuildInfoFile: null,
        noCheck: true,
        declaration: true,
        emitDeclarationOnly: true,
        rootDir: root,
        outDir: out,
        types: ["node"],
        paths,
      },
      include: [],
      exclude: [],
      files,
    }),
  );
  try {
    // With several checkers each makes most of the types once more; what is bundled beside it has the other cores.
    const args = [join(root, "node_modules/typescript/bin/tsc"), "-p", config, "--singleThreaded"];
    await promisify(execFile)(process.execPath, args, { cwd: root });
  } catch (error) {
    throw new Error(`type declarations cannot be made:\n${error.stdout}`);
  } finally {
    await rm(config, { force: true });
  }
  for (const path of (await readdir(out, { recursive: true })).filter((one) => one.endsWith(".d.ts"))) {
    const file = join(out, path);
    const up = relative(dirname(file), join(out, "manifests")).replaceAll("\\", "/");
    const here = up.startsWith(".") ? up : `./${up}`;
    const text = (await readFile(file, "utf8"))
      .replaceAll(/(["'])@plinth\/manifests\1/g, `"${here}/index.js"`)
      .replaceAll(/(["'])@plinth\/manifests\/([^"']+)\1/g, `"${here}/$2"`);
    await writeFile(file, importingScripts(text));
  }
}

/** Imports of TypeScript files as imports of what is built of them. */
export function importingScripts(text) {
  return text.replaceAll(/(from |import\(|import )(["'])(\.[^"']*)\.ts\2/g, '$1"$3.js"');
}
