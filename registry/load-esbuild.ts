import { PlinthError } from "@plinth/manifests/wire/error.ts";

/** The bundler, which also parses for the checks. It lies beside Plinth and not in it. */
export async function loadEsbuild(): Promise<typeof import("esbuild")> {
  return import("esbuild").catch((cause) => {
    throw new PlinthError("PLINTH_ESBUILD_MISSING", "The bundler esbuild is not installed beside Plinth.", {
      next: "Install it with `npm install esbuild`, then try again.",
      cause,
    });
  });
}
