/**
 * The program that a granted program begins as, behind its wall, where it gets variables or a way to the network. It opens a
 * listener in its own, empty network and hands it to the host over number 3, takes the variables from there, closes that and
 * becomes the program. So no variable is in a command line, none reaches what builds the wall, and the host answers the
 * listener itself: nothing runs beside the program, and nothing of the host's network is in its room.
 *
 *   door ways|none PROGRAM ARGUMENT…
 */
import { createServer } from "node:net";

const [ways, file, ...args] = process.argv.slice(2);
const { execve } = process;
if (file === undefined || execve === undefined || process.send === undefined)
  throw new Error("door: a program, a runtime that can become it, and a host");

process.once("message", (variables: Record<string, string>) => {
  process.disconnect?.();
  execve(file, [file, ...args], variables);
});
if (ways === "ways") {
  const listener = createServer().listen(0, "127.0.0.1", () => {
    const { port } = listener.address() as { port: number };
    process.send?.({ port }, listener);
  });
} else process.send({ port: 0 });
