import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTestHost, filesOf } from "@plinth/sdk/testing";

import extension from "./index.ts";
import manifest from "./plinth.json" with { type: "json" };

export const SECRET = "what lies outside";

/** A real tree: granted folders, and a secret beside them. */
export async function openLab(storageMb?: number) {
  const top = await realpath(await mkdtemp(join(tmpdir(), "plinth-files-")));
  const at = (...names: string[]): string => join(top, ...names);
  for (const name of ["state", "workspace", "shared", "shared/inner", "outside"]) await mkdir(at(name));
  await writeFile(at("outside/secret.txt"), SECRET);
  const host = await createTestHost({ extensions: [{ manifest, extension }] });
  const folders = [
    { name: "data", path: at("state"), write: true },
    { name: "workspace", path: at("workspace"), write: true },
    { name: at("shared"), path: at("shared"), write: true },
    { name: at("shared/inner"), path: at("shared/inner"), write: false },
  ];
  const access = host.use("plinth.file-access").one();
  const files = filesOf({ files: (request) => access.request({ extension: "acme.reader", folders, storageMb, request: defined(request) }) });
  return {
    host,
    at,
    files,
    [Symbol.asyncDispose]: async () => {
      await host.close();
      await rm(top, { recursive: true, force: true });
    },
  };
}

/** As it comes out of a frame. */
const defined = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

export const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "none",
    (thrown: { code?: string; message: string }) => thrown.code ?? thrown.message,
  );
