// The watching thread: when the main thread's beat stops, ask its debugger where it is, and let it go on at once.
import { readFileSync } from "node:fs";
import { Session } from "node:inspector";
import { parentPort, workerData } from "node:worker_threads";

const { beat, everyMs, thresholdMs } = workerData;
let last = -1;
let since = performance.now();
let waited = waitedMs();
let session = null;
let frames = [];

function look() {
  const scripts = new Map();
  session = new Session();
  session.connectToMainThread();
  session.on("Debugger.scriptParsed", ({ params }) => scripts.set(params.scriptId, params.url));
  session.on("Debugger.paused", ({ params }) => {
    frames = params.callFrames.slice(0, 64).map(({ functionName, location }) => ({ name: functionName, url: scripts.get(location.scriptId) ?? "" }));
    session.post("Debugger.resume");
  });
  session.post("Debugger.enable");
  session.post("Debugger.pause");
}

/** How long the main thread was ready and had no processor, as Linux counts it: see proc_pid_schedstat(5). Elsewhere 0. */
function waitedMs() {
  try {
    return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, "latin1").split(" ")[1]) / 1e6;
  } catch {
    return 0;
  }
}

setInterval(() => {
  const now = Atomics.load(beat, 0);
  const quietMs = performance.now() - since;
  if (now === last) {
    if (session === null && quietMs > thresholdMs) look();
    return;
  }
  if (session !== null) {
    session.disconnect();
    session = null;
    // A busy machine let the thread wait for a processor: nobody's code did that.
    const ms = quietMs - (waitedMs() - waited);
    if (ms > thresholdMs) parentPort.postMessage({ ms, frames });
    frames = [];
  }
  last = now;
  since = performance.now();
  waited = waitedMs();
}, everyMs);
