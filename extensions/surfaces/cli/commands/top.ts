import { PlinthError } from "@plinth/sdk";
import { GatewayLink } from "@plinth/sdk/home";
import { Keyboard } from "../top/keyboard.ts";
import { type Tick, tickOf } from "../top/rates.ts";
import { SORTS, type Sort, screen, type View } from "../top/screen.ts";
import { type Usage, UsageFeed } from "../top/usage-feed.ts";
import type { OwnCommand, Run } from "./command.ts";

const TICK_MS = 1_000;
const QUIT = new Set(["q", "Q", "\u0003", "\u0004", "\u001b"]);
const SORT_KEYS: { [key: string]: Sort } = { c: "cpu", h: "host", m: "memory", n: "name", s: "calls", e: "errors" };
/** The other screen, without a cursor; and back. */
const ENTER = "\u001b[?1049h\u001b[?25l";
const LEAVE = "\u001b[?25h\u001b[?1049l";

/** `top`: what the running gateway and each of its extensions do and cost. It runs in the caller's process for the keys. */
export const top: OwnCommand = async (run) => {
  const view = viewOf(run);
  const { home } = await run.ctx.use("plinth.host").one().status({});
  using gateway = await GatewayLink.find(home);
  if (gateway === null) {
    throw new PlinthError("PLINTH_NO_GATEWAY", "No gateway of this home is running, so there is nothing to watch.", {
      next: "Start it: plinth gateway run",
    });
  }
  const feed = await UsageFeed.open(gateway);
  try {
    const once = run.options.once === true;
    if (once || (!run.terminal.json && !(run.terminal.tty && process.stdin.isTTY))) await print(run, view, await measure(run, feed));
    else if (run.terminal.json) await stream(run, feed);
    else await watch(run, view, feed);
  } finally {
    feed.close();
  }
};

/** Two looks, a second apart. */
async function measure(run: Run, feed: UsageFeed): Promise<Tick> {
  const before = await feed.now();
  await run.ctx.clock.sleep(TICK_MS, run.signal);
  return tickOf(before, await feed.now());
}

async function print(run: Run, view: View, tick: Tick): Promise<void> {
  const lines = screen(tick, view, run.terminal, false);
  await run.out(`${lines.join("\n")}\n`);
  await run.result(tick);
}

/** One line of JSON each second, until it is stopped. */
async function stream(run: Run, feed: UsageFeed): Promise<void> {
  let before = await feed.now();
  while (!run.signal.aborted) {
    await run.ctx.clock.sleep(TICK_MS, run.signal);
    const now = await feed.now();
    await run.result(tickOf(before, now));
    before = now;
  }
}

async function watch(run: Run, view: View, feed: UsageFeed): Promise<void> {
  const keyboard = new Keyboard();
  const stop = new AbortController();
  const signal = AbortSignal.any([run.signal, stop.signal]);
  const onSignal = () => stop.abort();
  for (const name of ["SIGTERM", "SIGHUP"] as const) process.once(name, onSignal);
  try {
    await run.out(ENTER);
    let before: Usage | undefined;
    let now = await feed.now();
    let drawn = performance.now();
    while (!signal.aborted) {
      await draw(run, view, tickOf(before, now));
      const key = await keyboard.next(Math.max(0, drawn + TICK_MS - performance.now()), signal);
      if (key !== undefined && QUIT.has(key)) break;
      if (key !== undefined) {
        view.sort = SORT_KEYS[key] ?? view.sort;
        view.all = key === "a" ? !view.all : view.all;
        continue;
      }
      [before, now] = [now, await feed.now()];
      drawn = performance.now();
    }
  } finally {
    for (const name of ["SIGTERM", "SIGHUP"] as const) process.off(name, onSignal);
    keyboard.close();
    // A terminal is given back as it was, also when nobody takes items any more.
    await run.out(LEAVE).catch(() => process.stdout.write(LEAVE));
  }
}

async function draw(run: Run, view: View, tick: Tick): Promise<void> {
  const { columns = run.terminal.columns, rows = 24 } = process.stdout;
  const lines = screen(tick, view, { columns: Math.max(40, columns), rows, color: run.terminal.color }, true);
  await run.out(`\u001b[H${lines.map((line) => `${line}\u001b[K`).join("\r\n")}\u001b[J`);
}

function viewOf(run: Run): View {
  const sort = run.option("sort") ?? "cpu";
  const known = SORTS.find((one) => one === sort);
  if (known !== undefined) return { sort: known, all: run.options.all === true };
  throw new PlinthError("PLINTH_USAGE", `--sort is "${sort.slice(0, 40)}".`, { next: `Choose one of ${SORTS.join(", ")}.` });
}
