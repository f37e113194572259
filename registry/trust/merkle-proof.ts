import { createHash } from "node:crypto";

/** The hash of a complete subtree of 2^level leaves; `index` counts such subtrees from the left. */
export type ReadHash = (level: number, index: number) => Promise<Buffer> | Buffer;

/** Hashing of RFC 9162, section 2.1: a leaf can never pass for a node. */
export function leafHash(data: Uint8Array | string): Buffer {
  return createHash("sha256").update("\0").update(data).digest();
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  return createHash("sha256").update("\x01").update(left).update(right).digest();
}

export const EMPTY_ROOT = createHash("sha256").digest();

/** The root over the first `size` leaves. */
export async function rootHash(size: number, read: ReadHash): Promise<Buffer> {
  return size === 0 ? EMPTY_ROOT : rangeHash(0, size, read);
}

/** PATH of RFC 9162, section 2.1.3.1, nearest sibling first. */
export async function inclusionProof(index: number, size: number, read: ReadHash): Promise<Buffer[]> {
  const proof: Buffer[] = [];
  let [start, end] = [0, size];
  while (end - start > 1) {
    const middle = start + splitOf(end - start);
    if (index < middle) {
      proof.push(await rangeHash(middle, end, read));
      end = middle;
    } else {
      proof.push(await rangeHash(start, middle, read));
      start = middle;
    }
  }
  return proof.reverse();
}

/** Whether the leaf is at `index` below `root`. Any other proof than the one there is gives no. */
export function verifyInclusion(leaf: Buffer, index: number, size: number, proof: readonly Buffer[], root: Buffer): boolean {
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) return false;
  const rest = [...proof];
  const climb = (at: number, width: number): Buffer | undefined => {
    if (width === 1) return leaf;
    const sibling = rest.pop();
    const left = splitOf(width);
    const inner = at < left ? climb(at, left) : climb(at - left, width - left);
    if (sibling === undefined || inner === undefined) return undefined;
    return at < left ? nodeHash(inner, sibling) : nodeHash(sibling, inner);
  };
  const found = climb(index, size);
  return found !== undefined && rest.length === 0 && found.equals(root);
}

/** PROOF of RFC 9162, section 2.1.4.1: that the first `old` leaves are the same in both trees. */
export async function consistencyProof(old: number, size: number, read: ReadHash): Promise<Buffer[]> {
  const proof: Buffer[] = [];
  let [start, end, whole] = [0, size, true];
  while (old !== end) {
    const middle = start + splitOf(end - start);
    if (old <= middle) {
      proof.push(await rangeHash(middle, end, read));
      end = middle;
    } else {
      proof.push(await rangeHash(start, middle, read));
      start = middle;
      whole = false;
    }
  }
  if (!whole) proof.push(await rangeHash(start, end, read));
  return proof.reverse();
}

export interface Head {
  size: number;
  root: Buffer;
}

/** Whether the newer tree only added leaves to the older one. */
export function verifyConsistency(old: Head, head: Head, proof: readonly Buffer[]): boolean {
  if (old.size > head.size) return false;
  if (old.size === head.size) return old.root.equals(head.root) && proof.length === 0;
  if (old.size === 0) return old.root.equals(EMPTY_ROOT) && proof.length === 0;
  const rest = [...proof];
  const climb = (count: number, width: number, whole: boolean): [before: Buffer, after: Buffer] | undefined => {
    if (count === width) {
      const known = whole ? old.root : rest.pop();
      return known === undefined ? undefined : [known, known];
    }
    const sibling = rest.pop();
    const left = splitOf(width);
    const inner = count <= left ? climb(count, left, whole) : climb(count - left, width - left, false);
    if (sibling === undefined || inner === undefined) return undefined;
    const [before, after] = inner;
    return count <= left ? [before, nodeHash(after, sibling)] : [nodeHash(sibling, before), nodeHash(sibling, after)];
  };
  const found = climb(old.size, head.size, true);
  return found !== undefined && rest.length === 0 && found[0].equals(old.root) && found[1].equals(head.root);
}

/** The root over leaves `start` to `end`; `start` is where a subtree as wide as the range may begin. */
async function rangeHash(start: number, end: number, read: ReadHash): Promise<Buffer> {
  const width = end - start;
  const level = Math.log2(width);
  if (Number.isInteger(level)) return read(level, start / width);
  const middle = start + splitOf(width);
  return nodeHash(await rangeHash(start, middle, read), await rangeHash(middle, end, read));
}

/** The largest power of two below `width`. */
function splitOf(width: number): number {
  let half = 1;
  while (half * 2 < width) half *= 2;
  return half;
}
