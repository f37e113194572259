/** Numbers from a seed (xorshift32): the same damage each time. */
export function random(seed: number): (below: number) => number {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return below <= 0 ? 0 : (state >>> 0) % below;
  };
}

const GARBAGE = ["data: {\n\n", "data: null\n\n", '{"a":', "\u0000", "\ufeff", "retry: 1\n", "]", "\r\n\r\n"];

/** A body as a bad line, a bad proxy or a bad server would leave it: cut, repeated, out of order, with bytes that are not its own. */
export function damaged(body: Uint8Array, pick: (below: number) => number): Uint8Array {
  let given = Buffer.from(body);
  for (let times = 1 + pick(3); times > 0 && given.length > 0; times--) {
    const [at, to] = [pick(given.length), pick(given.length)].sort((a, b) => a - b) as [number, number];
    switch (pick(8)) {
      case 0:
        given = given.subarray(0, to + 1);
        break;
      case 1:
        given[at] = pick(256);
        break;
      case 2:
        given = Buffer.concat([given.subarray(0, at), given.subarray(Math.min(to, at + 40))]);
        break;
      case 3:
        given = Buffer.concat([given.subarray(0, to), given.subarray(at)]);
        break;
      case 4:
        given = Buffer.concat([given.subarray(0, at), Buffer.from(GARBAGE[pick(GARBAGE.length)] as string), given.subarray(at)]);
        break;
      case 5:
        given = Buffer.from(given.toString("latin1").replace(/"(index|id|name|type|content|arguments|text)":("[^"]*"|\d+)/, '"$1":null'), "latin1");
        break;
      case 6:
        // No UTF-8.
        given = Buffer.concat([given.subarray(0, at), Buffer.from([0xc3, 0x28, 0xff]), given.subarray(at)]);
        break;
      default: {
        const lines = given.toString("latin1").split("\n");
        const [a, b] = [pick(lines.length), pick(lines.length)];
        [lines[a], lines[b]] = [lines[b] as string, lines[a] as string];
        given = Buffer.from(lines.join("\n"), "latin1");
      }
    }
  }
  return given.length === 0 ? Buffer.from("\n") : given;
}
