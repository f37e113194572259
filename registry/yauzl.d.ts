/** The part of yauzl that is used here. */
declare module "yauzl" {
  import type { Readable } from "node:stream";
  export interface Entry {
    readonly fileName: string;
    readonly uncompressedSize: number;
    readonly externalFileAttributes: number;
    isEncrypted(): boolean;
  }
  export interface ZipFile {
    readonly entryCount: number;
    eachEntry(): AsyncIterable<Entry>;
    openReadStreamPromise(entry: Entry): Promise<Readable>;
    close(): void;
  }
  interface Options {
    strictFileNames?: boolean;
    validateEntrySizes?: boolean;
  }
  const yauzl: { fromBufferPromise(bytes: Buffer, options: Options): Promise<ZipFile> };
  export default yauzl;
}
