/**
 * Tries, from where it runs, what a wall has to refuse, each in a form that does no harm where nothing refuses it. Prints
 * the names of what it could do, as JSON.
 */
import { closeSync, openSync, readdirSync } from "node:fs";
import { type Kernel, reachKernel } from "./system-call.ts";

type Numbers = readonly [number, number];
type Attempt = (kernel: Kernel) => boolean;

const STREAM = 1;
const RAW = 3;
const SESSION = -3;
const PROCESS_KEYS = -2;

const socket =
  (family: number, type: number): Attempt =>
  ({ call }) =>
    call([41, 198], family, type, 0) >= 0;
const call =
  (numbers: Numbers, ...args: (number | Buffer | null)[]): Attempt =>
  (kernel) =>
    kernel.call(numbers, ...args) >= 0;
const opens =
  (path: string, flags: string): Attempt =>
  () => {
    try {
      closeSync(openSync(path, flags));
      return true;
    } catch {
      return false;
    }
  };
const text = (value: string): Buffer => Buffer.from(`${value}\0`);

const attempts: { readonly [name: string]: Attempt } = {
  "write to /proc/sys": opens("/proc/sys/kernel/core_pattern", "r+"),
  "write to /proc/sysrq-trigger": opens("/proc/sysrq-trigger", "a"),
  "see /sys": () => {
    try {
      return readdirSync("/sys/kernel").length > 0;
    } catch {
      return false;
    }
  },
  "read the session keyring": call([250, 219], 0, SESSION, 0),
  "make a key": call([248, 217], text("user"), text("plinth:probe"), text("x"), 1, PROCESS_KEYS),
  "hold memory in a memfd": call([319, 279], text("probe"), 0),
  "hold memory of the whole machine": call([29, 194], 0, 4096, 0o600),
  "open a vsock socket": socket(40, STREAM),
  "open a netlink socket": socket(16, RAW),
  "open a packet socket": socket(17, RAW),
  "set up io_uring": call([425, 425], 1, Buffer.alloc(120)),
  "handle page faults": call([323, 282], 1),
  "open a mount": call([428, 428], -100, text("/"), 0),
  "make a file system": call([430, 430], text("tmpfs"), 0),
  "take other namespaces": call([272, 97], 0),
  "reach into a process's memory": ({ call }) => call([310, 270], process.pid, Buffer.alloc(16), 0, Buffer.alloc(16), 0, 0) >= 0,
  "compare processes": call([312, 272], process.pid, process.pid, 1, 0, 0),
  "change its execution domain": call([135, 92], 0xffffffff),
};

const kernel = reachKernel();
console.log(JSON.stringify(Object.entries(attempts).flatMap(([name, attempt]) => (attempt(kernel) ? [name] : []))));
