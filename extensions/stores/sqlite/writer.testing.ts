/** A process of its own that writes into a store until it is killed, and says after each write that it was answered. */
import { DatabaseSync } from "node:sqlite";
import { KvFile } from "./kv-file.ts";

const [path = "", space = "", count = "Infinity"] = process.argv.slice(2);
process.stdout.write("opening\n");
const file = new KvFile(DatabaseSync, path);
for (let index = 0; index < Number(count); index++) {
  file.set(space, `key-${String(index).padStart(6, "0")}`, `value ${index}`, undefined, 1e9);
  // One write a line, handed to the kernel at once: what was said before the kill can be read after it.
  process.stdout.write(`${index}\n`);
  if (index % 50 === 0) await new Promise(setImmediate);
}
file.close();
