/** A thread for tests of the room: tasks that behave and tasks that do not. */
import { PlinthError } from "../wire/error.ts";
import { serve } from "./serve.ts";

const hoard: unknown[] = [];

serve({
  echo: (input: unknown) => input,
  spin: (ms: number) => {
    for (const end = performance.now() + ms; performance.now() < end; ) Math.sqrt(2);
    return "done";
  },
  hoard: () => {
    for (;;) hoard.push(new Array(10_000).fill({}));
  },
  refuse: () => {
    throw new PlinthError("PLINTH_REGISTRY_INVALID", "It is not JSON.", { next: "Tell who runs it.", details: { at: 1 } });
  },
  crash: () => process.exit(3),
  break: () => {
    throw new TypeError("a bug");
  },
  unclonable: () => () => 1,
});
