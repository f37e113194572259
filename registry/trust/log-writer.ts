import { systemCode } from "../system-error.ts";
import { hashesAt, partialsPath, subtreeHash, TILE_WIDTH, type Tile, tileHashes, tileOf, tilePath } from "./log-tiles.ts";
import { type Head, leafHash, rootHash } from "./merkle-proof.ts";
import { StagedFiles } from "./staged-files.ts";

export const LOG_FOLDER = "log";
const HASH_BYTES = 32;
const LENGTH_BYTES = 2;

/**
 * Append events to a log's tiles. Nothing signed names them yet, so that what a dead writer left behind the signed head
 * is simply written over.
 *
 * @param files where the tiles are put; the registry's folder.
 * @param size leaves that the signed head has.
 */
export async function appendToLog(files: StagedFiles, size: number, events: readonly string[]): Promise<Head> {
  const end = size + events.length;
  const bundles = events.map((event) => {
    const bytes = Buffer.from(event);
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt16BE(bytes.length);
    return Buffer.concat([length, bytes]);
  });
  await extend(files, "entries", size, bundles, skipEntries);
  let added: Buffer[] = events.map((event) => leafHash(event));
  for (let level = 0; added.length > 0; level++) {
    const before = hashesAt(level, size);
    await extend(files, level, before, added, (tile, count) => tile.subarray(0, count * HASH_BYTES));
    const [from, to] = [hashesAt(level + 1, size), hashesAt(level + 1, end)];
    added = [];
    for (let index = from; index < to; index++) added.push(subtreeHash(await readTile(files, { level, index, width: TILE_WIDTH })));
  }
  const read = tileHashes(end, (tile) => readTile(files, tile));
  return { size: end, root: await rootHash(end, read) };
}

/** Write the tiles of one level that the new items touch, and drop the partial ones of those that became full. */
async function extend(
  files: StagedFiles,
  level: Tile["level"],
  before: number,
  added: readonly Buffer[],
  cut: (tile: Buffer, count: number) => Buffer,
): Promise<void> {
  const end = before + added.length;
  for (let index = Math.floor(before / TILE_WIDTH); index * TILE_WIDTH < end; index++) {
    const first = index * TILE_WIDTH;
    const kept = Math.max(0, before - first);
    const width = Math.min(TILE_WIDTH, end - first);
    const old = kept === 0 ? Buffer.alloc(0) : cut(await readTile(files, { level, index, width: kept }), kept);
    const items = added.slice(Math.max(0, first - before), first + width - before);
    files.put(`${LOG_FOLDER}/${tilePath({ level, index, width })}`, Buffer.concat([old, ...items]));
    if (width === TILE_WIDTH) files.drop(`${LOG_FOLDER}/${partialsPath({ level, index, width })}`);
  }
}

/** A tile, or the full one that has replaced it. */
export async function readTile(files: Pick<StagedFiles, "read">, tile: Tile): Promise<Buffer> {
  try {
    return await files.read(`${LOG_FOLDER}/${tilePath(tile)}`);
  } catch (error) {
    if (systemCode(error) !== "ENOENT" || tile.width === TILE_WIDTH) throw error;
    return files.read(`${LOG_FOLDER}/${tilePath({ ...tile, width: TILE_WIDTH })}`);
  }
}

/** The events of a log, as their own text. */
export async function* readEvents(dir: string, size: number, from = 0): AsyncGenerator<string> {
  for (let index = Math.floor(from / TILE_WIDTH); index * TILE_WIDTH < size; index++) {
    const { width } = tileOf(0, index * TILE_WIDTH, size);
    let rest = await readTile(new StagedFiles(dir), { level: "entries", index, width });
    for (let at = index * TILE_WIDTH; at < index * TILE_WIDTH + width; at++) {
      const end = LENGTH_BYTES + rest.readUInt16BE(0);
      if (at >= from) yield rest.subarray(LENGTH_BYTES, end).toString("utf8");
      rest = rest.subarray(end);
    }
  }
}

function skipEntries(bundle: Buffer, count: number): Buffer {
  let end = 0;
  for (let at = 0; at < count; at++) end += LENGTH_BYTES + bundle.readUInt16BE(end);
  return bundle.subarray(0, end);
}
