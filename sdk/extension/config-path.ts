export { parsePath } from "@plinth/manifests/check/config-path.ts";
