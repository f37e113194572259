import { median } from "../lab.mjs";
import { protocols } from "../protocols.mjs";

const DELTAS = 10_000;
const ROUNDS = 9;
/** As a socket gives them. */
const PIECE = 16_384;

/**
 * An answer of 10,000 deltas, from memory, read by our code of a protocol and by the vendor's own client, in turns. Both give the same
 * text, or there is no figure. Nothing is asked of a network: what is measured is reading.
 */
export async function measure(row) {
  for (const { name, vendor, isClient = true, open } of protocols) {
    const { answer, ours, theirs } = await open(DELTAS);
    const pieces = Array.from({ length: Math.ceil(answer.length / PIECE) }, (_, at) => answer.subarray(at * PIECE, (at + 1) * PIECE));
    const readers = { ours: () => ours(pieces), theirs: () => theirs(pieces) };
    const times = { ours: [], theirs: [] };
    const told = {};
    for (let round = -2; round < ROUNDS; round++) {
      // Each is first as often as the other.
      const order = round % 2 === 0 ? ["ours", "theirs"] : ["theirs", "ours"];
      for (const who of order) {
        const began = performance.now();
        const text = await readers[who]();
        if (round >= 0) times[who].push(performance.now() - began);
        told[who] = text;
      }
      if (told.ours !== told.theirs) throw new Error(`${name}: ours read ${told.ours.length} characters, ${vendor} ${told.theirs.length}.`);
    }
    const [own, other] = [median(times.ours), median(times.theirs)];
    row({ what: `${name}, ${DELTAS.toLocaleString("en")} deltas (${Math.round(answer.length / 1024)} KiB), ours`, value: own, unit: "ms" });
    row({ what: `${name}, ${vendor}`, value: other, unit: "ms" });
    row({ what: `${name}, ours for each of theirs`, value: own / other, unit: "×", ...(isClient ? { budget: 1 } : {}) });
  }
}
