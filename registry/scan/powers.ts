import type { Manifest } from "@plinth/manifests";
import type { Finding } from "./finding.ts";

export type Capability = Exclude<Finding["capability"], "tools">;

/** Names that are there without an import, and the power that they give. Only free ones count: a local name is nobody's power. */
export const GLOBALS: Readonly<Record<string, Capability>> = {
  fetch: "net",
  WebSocket: "net",
  EventSource: "net",
  XMLHttpRequest: "net",
  "navigator.sendBeacon": "net",
  "process.env": "env",
  "process.binding": "code",
  "process.dlopen": "code",
  "process.getBuiltinModule": "code",
  "process.kill": "exec",
  eval: "code",
  Function: "code",
  WebAssembly: "code",
  Worker: "code",
};

const MODULES: Readonly<Record<string, Capability>> = {
  net: "net",
  tls: "net",
  dgram: "net",
  dns: "net",
  "dns/promises": "net",
  http: "net",
  https: "net",
  http2: "net",
  fs: "fs",
  "fs/promises": "fs",
  sqlite: "fs",
  child_process: "exec",
  cluster: "exec",
  vm: "code",
  module: "code",
  worker_threads: "code",
  inspector: "code",
  "inspector/promises": "code",
  v8: "code",
  wasi: "code",
  repl: "code",
  test: "code",
};

/** The power that importing a module of Node's gives; undefined: none that a manifest declares. */
export function powerOfModule(specifier: string): Capability | undefined {
  const name = specifier.replace(/^node:/, "");
  return Object.hasOwn(MODULES, name) ? MODULES[name] : undefined;
}

/** Whether the manifest asks for any of this power. Making code at run time is a power that none can declare. */
export function declares({ permissions = {} }: Pick<Manifest, "permissions">, capability: Capability): boolean {
  if (capability === "code" || capability === "text") return false;
  return (permissions[capability] ?? []).length > 0;
}
