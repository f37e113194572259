// The product's own packages: each extension that is not on by default, packed, and the registry on disk that holds them.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { part, parts, sourcesIn } from "./cache.mjs";

const root = join(import.meta.dirname, "..");

/**
 * Pack extensions, or take each as it was packed when nothing of it changed.
 *
 * @param tool what is imported from the sources for it.
 * @returns for each its tarball, its manifest, the digest of its unpacked files, and what went into it.
 */
export async function packOwn(extensions, desk, tool) {
  const files = await tool.files;
  const list = await Promise.all(
    extensions.map(async ({ dir, manifest: { id } }) => {
      if (existsSync(join(dir, "page"))) throw new Error(`${id} has a page, which only what is on by default can have: see extensions/product.json`);
      const plain = (await sourcesIn(relative(root, dir))).filter((path) => !/\.tsx?$|\.testing\.|package\.json$/.test(path));
      return { id, dir, name: `package.${id}`, out: join(desk, id), files: [...plain, ...files] };
    }),
  );
  const went = await parts(list, async (stale) => {
    const { packExtensions } = await tool.load();
    const dirs = stale.map(({ dir }) => dir);
    const packed = await packExtensions(dirs, root, { sdkDir: join(root, "sdk") });
    return Promise.all(
      packed.map(async ({ tarball, digest, manifest, sources }, at) => {
        const { out } = stale[at];
        await mkdir(out, { recursive: true });
        await writeFile(join(out, "package.json"), JSON.stringify({ digest, manifest, tarball: tarball.toString("base64") }));
        return sources.map((path) => relative(root, path));
      }),
    );
  });
  return Promise.all(
    list.map(async ({ id, out }, at) => {
      const { digest, manifest, tarball } = JSON.parse(await readFile(join(out, "package.json"), "utf8"));
      return { id, digest, manifest, tarball: Buffer.from(tarball, "base64"), inputs: went[at] };
    }),
  );
}

/**
 * The registry that comes with the product. Its key is made from a text that everybody can read, because documents of a
 * registry have a signature: what vouches for a package is its digest in product.json.
 */
export async function assembleOwn(packed, out, tool) {
  const files = [...new Set(packed.flatMap(({ inputs }) => inputs))];
  await part("built-in", out, files, async () => {
    const { assembleRegistry, keyFromSeed } = await tool.load();
    const key = keyFromSeed("plinth", createHash("sha256").update("plinth's own packages").digest());
    await assembleRegistry(packed, out, key, { name: "built-in", publishedAt: "2026-11-01T00:00:00.000Z" });
  });
}
