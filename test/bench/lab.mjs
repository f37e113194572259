// What the rows share: homes, gateways, mock models, clients, statistics.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import WebSocket from "ws";

export const root = join(import.meta.dirname, "../..");
export const plinth = join(root, "kernel/bin/plinth.cjs");
export const node = process.execPath;
/** As `npm start` runs a host. */
export const HOST_FLAG = "--max-semi-space-size=4";

const live = new Set();
const homes = new Set();

export const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
export const quantile = (values, q) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))];

export function newHome() {
  const home = mkdtempSync(join(tmpdir(), "plinth-bench-"));
  homes.add(home);
  return home;
}

/** The processes under test share one core, the clients have the other, where the machine lets us choose; PLINTH_BENCH_CORES=all: nobody is bound. */
export function pinned(command, args) {
  if (process.env.PLINTH_BENCH_CORES === "all") return [command, args];
  try {
    execFileSync("taskset", ["-c", "1", "true"], { stdio: "ignore" });
    return ["taskset", ["-c", "1", command, ...args]];
  } catch {
    return [command, args];
  }
}

/**
 * Run `body` with this process and what it starts on one core, as the facts on isolation were measured: between two idle
 * cores of a virtual machine, waking the other one takes longer than the call.
 */
export async function onOneCore(body) {
  const cores = (list) => execFileSync("taskset", ["-acp", list, String(process.pid)], { stdio: "ignore" });
  let all = null;
  try {
    all = /list: (\S+)$/m.exec(execFileSync("taskset", ["-cp", String(process.pid)], { encoding: "utf8" }))?.[1] ?? null;
    cores("1");
  } catch {
    // Where the machine does not let us choose, the figures are of all its cores.
  }
  try {
    return await body();
  } finally {
    if (all !== null) cores(all);
  }
}

export async function startMock() {
  const [command, args] = pinned(node, [join(root, "test/bench/mock-model.mjs")]);
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit", "ipc"] });
  live.add(child);
  return { child, ...JSON.parse(await firstLine(child)) };
}

export async function startGateway(home, env = {}) {
  const began = performance.now();
  const [command, args] = pinned(node, [HOST_FLAG, plinth, "gateway", "run", "--port", "0", "--json"]);
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"], env: { ...cleanEnv(), PLINTH_HOME: home, ...env } });
  live.add(child);
  const { url, token, pid } = JSON.parse(await firstLine(child));
  const readyMs = await until(async () => (await fetch(`${url}/readyz`)).ok, began);
  return { child, url, token, pid, readyMs, stop: () => stop(child) };
}

export function cleanEnv() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/(_API_KEY|_BASE_URL|OLLAMA_HOST)$/.test(name)));
}

async function until(check, began) {
  for (;;) {
    if (await check().catch(() => false)) return performance.now() - began;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function firstLine(child) {
  return new Promise((resolve, reject) => {
    let text = "";
    child.stdout.on("data", (data) => {
      text += data;
      if (text.includes("\n")) resolve(text.slice(0, text.indexOf("\n")));
    });
    child.once("exit", (code) => reject(new Error(`ended with ${code} before it was ready`)));
  });
}

export function stop(child) {
  live.delete(child);
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  return gone;
}

export async function cleanUp() {
  await Promise.all([...live].map(stop));
  for (const home of homes) rmSync(home, { recursive: true, force: true });
}

/** A WebSocket client of the gateway: `request` answers once, `turn` follows a message to its end. */
export async function connect({ url, token }) {
  const socket = new WebSocket(`${url.replace("http", "ws")}/ws`, { headers: { authorization: `Bearer ${token}` }, perMessageDeflate: false });
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  const waiting = new Map();
  let next = 1;
  socket.on("message", (data) => {
    const frame = JSON.parse(data);
    const entry = waiting.get(frame.id);
    if (entry === undefined) return;
    if (frame.type === "event") return entry.onEvent?.(frame.data);
    waiting.delete(frame.id);
    if (frame.ok) entry.resolve(frame.result);
    else entry.reject(Object.assign(new Error(frame.error.message), frame.error));
  });
  const request = (method, params = {}, onEvent) =>
    new Promise((resolve, reject) => {
      const id = String(next++);
      waiting.set(id, { resolve, reject, onEvent });
      socket.send(JSON.stringify({ type: "req", id, method, params }));
    });
  await request("connect", { protocol: 1, client: "bench" });
  const turn = async (text, sessionKey) => {
    let end;
    await request("chat.send", { text, sessionKey }, (event) => {
      if (event.type === "end") end = event;
    });
    if (end?.status !== "ok") throw new Error(`turn ended ${JSON.stringify(end)}`);
    return end;
  };
  return { request, turn, close: () => socket.close() };
}

/** Milliseconds that a process has spent in user and system mode, to the hundredth of a second; Linux. */
export function processorMs(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** Resident memory of a process and all below it, in MiB. */
export function treeRss(pid) {
  const parents = new Map();
  for (const name of readdirSync("/proc").filter((one) => /^\d+$/.test(one))) {
    try {
      parents.set(Number(name), Number(readFileSync(`/proc/${name}/stat`, "utf8").split(") ")[1].split(" ")[1]));
    } catch {
      // It ended meanwhile.
    }
  }
  let total = 0;
  const add = (one) => {
    total += Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${one}/status`, "utf8"))?.[1] ?? 0);
    for (const [child, parent] of parents) if (parent === one) add(child);
  };
  add(pid);
  return total / 1024;
}

/** Wall time of a command in milliseconds, median of `runs` after one warm-up. */
export function timeCommand(args, env = {}, runs = 7) {
  const times = [];
  for (let index = 0; index <= runs; index++) {
    const began = performance.now();
    const [command, rest] = pinned(node, args);
    execFileSync(command, rest, { stdio: "ignore", env: { ...cleanEnv(), ...env } });
    if (index > 0) times.push(performance.now() - began);
  }
  return median(times);
}
