import { nodeHash, type ReadHash } from "./merkle-proof.ts";

/** Hashes side by side in a tile; each tile level stands for eight levels of the tree. */
export const TILE_WIDTH = 256;
const HASH_BYTES = 32;
const LEVELS = 8;

export interface Tile {
  /** Tile level, or "entries" for the leaves' own data. */
  level: number | "entries";
  index: number;
  /** 256, or fewer for the last one. */
  width: number;
}

/** Where a tile lies below the log's folder, as C2SP tlog-tiles says. */
export function tilePath({ level, index, width }: Tile): string {
  const digits = String(index).padStart(Math.ceil(String(index).length / 3) * 3, "0");
  const parts = digits.match(/\d{3}/g)!;
  const path = `tile/${level}/${parts.map((part, at) => (at === parts.length - 1 ? part : `x${part}`)).join("/")}`;
  return width === TILE_WIDTH ? path : `${path}.p/${width}`;
}

/** Where the partial tiles of one that became full lie. */
export function partialsPath(tile: Tile): string {
  return `${tilePath({ ...tile, width: TILE_WIDTH })}.p`;
}

/** The tiles that a log of `size` leaves has at one level, as whole width of the level. */
export function hashesAt(level: number, size: number): number {
  return Math.floor(size / TILE_WIDTH ** level);
}

/** The tile that holds the hash with this index of a tile level, in a log of `size` leaves. */
export function tileOf(level: number, at: number, size: number): Tile {
  const index = Math.floor(at / TILE_WIDTH);
  return { level, index, width: Math.min(TILE_WIDTH, hashesAt(level, size) - index * TILE_WIDTH) };
}

/**
 * Hashes of a log of `size` leaves, read out of its tiles.
 *
 * @param load gives a tile's bytes, `width` hashes of 32 bytes at least; what is wrong with them shows in the proof.
 */
export function tileHashes(size: number, load: (tile: Tile) => Promise<Buffer>): ReadHash {
  return async (level, index) => {
    const tileLevel = Math.floor(level / LEVELS);
    const count = 2 ** (level % LEVELS);
    const first = index * count;
    const tile = tileOf(tileLevel, first, size);
    const bytes = await load(tile);
    const offset = (first % TILE_WIDTH) * HASH_BYTES;
    return subtreeHash(bytes.subarray(offset, offset + count * HASH_BYTES));
  };
}

/** The hash over a power of two of hashes side by side. */
export function subtreeHash(hashes: Buffer): Buffer {
  if (hashes.length <= HASH_BYTES) return hashes;
  const half = hashes.length / 2;
  return nodeHash(subtreeHash(hashes.subarray(0, half)), subtreeHash(hashes.subarray(half)));
}
