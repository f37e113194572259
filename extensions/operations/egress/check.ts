import { connect, isIP } from "node:net";
import { connect as connectSecurely } from "node:tls";
import { errorInfo, type Finding } from "@plinth/sdk";
import type { Network } from "./address.ts";
import { unreachableProxy } from "./through.ts";
import { SETTING, type Upstream } from "./upstream.ts";

const EXTENSION = "plinth.egress";
const PATIENCE_MS = 10_000;

export interface NetworkInput {
  readonly network: Network;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly noProxy: readonly string[];
  /** The proxies are connected to. */
  readonly online: boolean;
}

/** By which proxies requests go out, and what is wrong with them and with the files of certificate authorities. */
export async function examineNetwork({ network, env, noProxy, online }: NetworkInput): Promise<{ findings: Finding[] }> {
  const findings: Finding[] = [];
  const used = new Map<Upstream, string[]>();
  for (const scheme of ["https", "http"] as const) {
    try {
      const upstream = network.upstreams.of(scheme);
      if (upstream !== undefined) used.set(upstream, [...(used.get(upstream) ?? []), `${scheme}://`]);
    } catch (thrown) {
      findings.push(problem(`cannot send ${scheme}:// requests`, thrown));
    }
  }
  const direct = ["this machine", ...[noProxy, env.no_proxy || env.NO_PROXY || []].flat()].join(", ");
  for (const [upstream, schemes] of used) {
    findings.push({
      code: "PLINTH_PROXY",
      severity: "notice",
      owner: EXTENSION,
      what: `sends ${schemes.join(" and ")} requests through the proxy ${upstream.name}`,
      why: `It is named by ${upstream.from}${upstream.authorization === undefined ? "" : ", with a user and a password"}. Reached directly: ${direct.slice(0, 1_000)}.`,
      next: `Nothing, if that is right; otherwise ${upstream.from === SETTING ? `change ${SETTING}` : `set ${upstream.from} anew where the gateway is started`}.`,
    });
    const failed = online ? await attempt(network, upstream).catch((thrown: unknown) => thrown) : undefined;
    if (failed !== undefined) findings.push(problem("cannot go out", failed));
  }
  await network.authorities.certificates().catch((thrown: unknown) => findings.push(problem("cannot trust a certificate authority", thrown)));
  return { findings: distinct(findings) };
}

/** Connected to, and TLS agreed on where the proxy speaks it; nothing is asked. */
async function attempt(network: Network, upstream: Upstream): Promise<void> {
  const { host, port, secure } = upstream;
  const secureContext = secure ? await network.authorities.context() : undefined;
  const socket = secure
    ? connectSecurely({ host, port, servername: isIP(host) === 0 ? host : "", ...(secureContext && { secureContext }) })
    : connect({ host, port });
  const through = { extension: EXTENSION, upstream, secureContext };
  await new Promise<void>((resolve, reject) => {
    const late = setTimeout(() => socket.destroy(new Error(`no answer within ${PATIENCE_MS} ms`)), PATIENCE_MS);
    socket.once(secure ? "secureConnect" : "connect", () => resolve());
    socket.once("error", (error: NodeJS.ErrnoException) =>
      reject(unreachableProxy(through, "what lies behind it", error.code ?? error.message, error)),
    );
    socket.once("close", () => clearTimeout(late));
  }).finally(() => socket.destroy());
}

function problem(what: string, thrown: unknown): Finding {
  const { code, message, next } = errorInfo(thrown);
  return { code, severity: "problem", owner: EXTENSION, what, why: message, next: next ?? "Check the settings of plinth.egress." };
}

/** Both schemes may fail for one reason. */
const distinct = (findings: readonly Finding[]): Finding[] => findings.filter(({ why }, at) => findings.findIndex((one) => one.why === why) === at);
