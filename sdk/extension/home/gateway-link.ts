import { type ClientRequest, type IncomingMessage, type RequestOptions, request } from "node:http";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { isSameProcess, processOf } from "@plinth/manifests/home/process-identity.ts";
import { isPlinthError, PlinthError } from "@plinth/manifests/wire/error.ts";
import { LocalSocket } from "./local-socket.ts";
import {
  BODY_HEADER,
  commandProof,
  digestOf,
  gatewayProof,
  HELLO_PATH,
  isSame,
  NONCE_HEADER,
  newNonce,
  type Parties,
  PROOF_SCHEME,
} from "./proof.ts";
import { GATEWAY_STATE, homeIdentity, type Running, readRunning } from "./running.ts";

/** How long a gateway may take to say who it is: a busy machine's time, and one's whose process the system says is stopped. */
const PATIENCE_MS = 8_000;
const STOPPED_MS = 1_500;
/** A command may be quiet for as long as it works; after this long its gateway is asked whether it still lives. */
const QUIET_MS = 10_000;
const HELLO_BYTES = 4_096;

/**
 * The way from a command to the running gateway of its home. The other side has proven that it is that gateway before
 * anything goes there, and the token itself never does.
 */
export class GatewayLink implements Disposable {
  readonly running: Running;
  readonly #road: Road;

  private constructor(running: Running, road: Road) {
    this.running = running;
    this.#road = road;
  }

  /**
   * The running gateway of a home; null when there is none.
   *
   * @throws PLINTH_GATEWAY_SILENT when it is there and does not answer in time, PLINTH_GATEWAY_UNPROVEN when something
   * else answers in its place.
   */
  static async find(home: string, patienceMs = PATIENCE_MS): Promise<GatewayLink | null> {
    const folder = join(home, GATEWAY_STATE);
    const running = readRunning(folder);
    if (running === undefined || running.home !== identityOf(home)) return null;
    const alive = isSameProcess(running.pid, running.process);
    let outcome: Answer = "nobody";
    for (const open of [socketRoad, portRoad]) {
      // Its port is somebody else's once its process has ended: not even a question goes there.
      const road = open === portRoad && alive === false ? null : open(folder, running);
      if (road === null) continue;
      outcome = await road.hello(isStopped(running) ? Math.min(patienceMs, STOPPED_MS) : patienceMs);
      if (typeof outcome === "object") return new GatewayLink(running, road);
      road[Symbol.dispose]();
      // Who took the connection and says nothing is the gateway, held up.
      if (outcome === "silent") throw silentGateway(running);
    }
    // It may have ended while it was asked; where the system cannot tell processes apart, an answer without proof tells.
    if (alive !== true || readRunning(folder)?.instance !== running.instance) return null;
    throw outcome === "stranger" ? unproven(running) : silentGateway(running);
  }

  /** A connection of one's own to the gateway, for what is no plain request. */
  connect(): Socket {
    const { socketPath, host, port } = this.#road.options;
    return typeof socketPath === "string" ? connect({ path: socketPath }) : connect({ host: String(host), port: Number(port) });
  }

  /** The headers with which the gateway takes just this request, once and within a short time. */
  async credentials(method: string, target: string, body = ""): Promise<Record<string, string>> {
    const hello = await this.#road.hello(PATIENCE_MS);
    if (typeof hello !== "object") throw hello === "silent" ? silentGateway(this.running) : gone();
    const digest = digestOf(body);
    const proof = commandProof(this.running.token, this.#road.parties, hello.nonce, { method, target, body: digest });
    return { host: "localhost", authorization: `${PROOF_SCHEME} ${hello.nonce}.${proof}`, [BODY_HEADER]: digest };
  }

  /**
   * Send one request of JSON. The answer may take as long as the gateway lives: a quiet one is asked from time to time
   * whether it does.
   */
  async send(method: string, target: string, body: string, signal?: AbortSignal): Promise<IncomingMessage> {
    const headers = { ...(await this.credentials(method, target, body)), "content-type": "application/json" };
    const call = request({ ...this.#road.options, method, path: target, headers, ...(signal === undefined ? {} : { signal }) });
    const answer = new Promise<IncomingMessage>((resolve, reject) => {
      call.once("response", resolve);
      call.once("error", (error: Error) => reject(isPlinthError(error) || error.name === "AbortError" ? error : gone()));
    });
    this.#watch(call);
    call.end(body);
    return answer;
  }

  [Symbol.dispose](): void {
    this.#road[Symbol.dispose]();
  }

  /** End a call when the gateway stops answering anybody. Looks at the connection, so that whoever reads the answer reads all. */
  #watch(call: ClientRequest): void {
    let response: IncomingMessage | undefined;
    let heard = { bytes: 0, at: performance.now() };
    let asking = false;
    const hasSpoken = (): boolean => {
      const bytes = call.socket?.bytesRead ?? 0;
      if (bytes !== heard.bytes) heard = { bytes, at: performance.now() };
      return performance.now() - heard.at < QUIET_MS;
    };
    const timer = setInterval(async () => {
      if (asking || hasSpoken()) return;
      asking = true;
      const answer = await this.#road.hello(QUIET_MS);
      asking = false;
      if (typeof answer === "object") heard.at = performance.now();
      else if (!hasSpoken()) (response ?? call).destroy(answer === "silent" ? silentGateway(this.running) : gone());
    }, QUIET_MS / 4);
    call.once("response", (one) => {
      response = one;
    });
    call.once("close", () => clearInterval(timer));
  }
}

/** `nobody`: no connection. `stranger`: an answer without the proof. `silent`: a connection and no answer. */
type Answer = { nonce: string } | "nobody" | "stranger" | "silent";

/** One way to reach a gateway, and who is expected at its end. */
interface Road extends Disposable {
  readonly parties: Parties;
  readonly options: RequestOptions;
  /** Ask who is there; never fails. */
  hello(patienceMs: number): Promise<Answer>;
}

function socketRoad(folder: string, running: Running): Road | null {
  const socket = running.socket ? LocalSocket.in(folder) : null;
  if (socket === null) return null;
  const parties = { instance: running.instance, home: running.home, way: "socket" };
  const options: RequestOptions = { socketPath: socket.address, agent: false };
  return {
    parties,
    options,
    hello: async (patienceMs) => (socket.isSound ? ask(options, parties, running.token, patienceMs) : "nobody"),
    [Symbol.dispose]: () => socket[Symbol.dispose](),
  };
}

function portRoad(_folder: string, running: Running): Road {
  const { hostname, port } = new URL(running.url);
  const parties = { instance: running.instance, home: running.home, way: `port ${port}` };
  const options: RequestOptions = { host: hostname.replace(/^\[|\]$/g, ""), port, agent: false };
  return { parties, options, hello: (patienceMs) => ask(options, parties, running.token, patienceMs), [Symbol.dispose]() {} };
}

/** The question holds one random number and nothing else. */
function ask(to: RequestOptions, parties: Parties, token: string, patienceMs: number): Promise<Answer> {
  const asked = newNonce();
  return new Promise((resolve) => {
    const call = request({ ...to, method: "GET", path: HELLO_PATH, headers: { host: "localhost", [NONCE_HEADER]: asked } });
    let connected = false;
    const timer = setTimeout(() => end(connected ? "silent" : "nobody"), patienceMs);
    const end = (answer: Answer): void => {
      clearTimeout(timer);
      call.destroy();
      resolve(answer);
    };
    call.on("socket", (socket) => socket.once("connect", () => (connected = true)));
    // Whoever takes a connection and then breaks it is no gateway that works.
    call.on("error", () => end(connected ? "stranger" : "nobody"));
    call.on("upgrade", () => end("stranger"));
    call.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
        if (text.length > HELLO_BYTES) end("stranger");
      });
      response.on("end", () => end(proven(text, parties, token, asked)));
      response.on("error", () => end("stranger"));
    });
    call.end();
  });
}

function proven(text: string, parties: Parties, token: string, asked: string): Answer {
  try {
    const { nonce, proof } = JSON.parse(text) as { nonce?: unknown; proof?: unknown };
    if (typeof nonce !== "string" || typeof proof !== "string" || nonce.length > 512 || !/^[A-Za-z0-9_.-]+$/.test(nonce)) return "stranger";
    return isSame(proof, gatewayProof(token, parties, asked, nonce)) ? { nonce } : "stranger";
  } catch {
    return "stranger";
  }
}

function identityOf(home: string): string | undefined {
  try {
    return homeIdentity(home);
  } catch {
    return undefined;
  }
}

const isStopped = ({ pid, process: identity }: Running): boolean => {
  const found = identity === null ? null : processOf(pid);
  return found?.stopped === true && found.identity === identity;
};

function silentGateway(running: Running): PlinthError {
  const { pid, url } = running;
  const held = isStopped(running);
  return new PlinthError(
    "PLINTH_GATEWAY_SILENT",
    held
      ? `The gateway of this home (process ${pid}) is stopped and answers nobody.`
      : `The gateway of this home (process ${pid}, ${url}) does not answer.`,
    {
      next: held
        ? `Let it go on with \`kill -CONT ${pid}\` (or fg in its terminal), or end it with \`kill -KILL ${pid}\` and start it again.`
        : `Look at its terminal. If it stays silent, end it with \`kill ${pid}\` and start it again: plinth gateway run`,
    },
  );
}

const unproven = ({ pid, url }: Running): PlinthError =>
  new PlinthError("PLINTH_GATEWAY_UNPROVEN", `The gateway of this home (process ${pid}) runs, but what answers at ${url} does not prove to be it.`, {
    next: `Nothing was sent there. Restart the gateway: end it with \`kill ${pid}\`, then plinth gateway run`,
  });

const gone = (): PlinthError => new PlinthError("PLINTH_GATEWAY_GONE", "The gateway ended.", { next: "Start it again: plinth gateway run" });
