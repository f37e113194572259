/** What the product says of its own extensions; made by the build, and as good as the product's code. */
export interface OwnExtensions {
  /** Ids of those that are on by default. */
  readonly default?: readonly string[];
  /** Of each that can be installed, the digest of its unpacked package, by id. */
  readonly packages?: Readonly<Record<string, string>>;
}

/** The product's own code, on by default or installed: the host's own process is its place. */
export const isOurs = ({ bundled, own }: { readonly bundled: boolean; readonly own?: boolean }): boolean => bundled || own === true;

/** Whether these bytes are one of the product's packages. No key, name or registry makes one. */
export function isOwnPackage({ packages = {} }: OwnExtensions, id: string, digest: string): boolean {
  return Object.hasOwn(packages, id) && packages[id] === digest;
}
