declare module "pacote" {
  interface Manifest {
    readonly name: string;
    readonly version: string;
    readonly _resolved: string;
    /** Subresource integrity, space-separated where there are several. */
    readonly _integrity?: string;
  }
  const pacote: {
    manifest(spec: string, options: object): Promise<Manifest>;
    tarball(spec: string, options: object): Promise<Buffer>;
  };
  export default pacote;
}
