/** What makes packages and registries of extension folders, for the build. */
export { filesDigest } from "@plinth/manifests/digest.ts";
export { readArchive } from "./archive.ts";
export { assembleRegistry, buildRegistry } from "./build-registry.ts";
export { keyFromSeed } from "./key-file.ts";
export { packExtensions } from "./pack-extension.ts";
