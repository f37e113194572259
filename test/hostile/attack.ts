import { expect } from "vitest";
import type { Attack, Found, HostileCase, PackageParts, Stop, Tier } from "./case.ts";
import type { Laboratory } from "./laboratory.ts";
import { makeArchive } from "./package.ts";
import { foundIn, foundOf, stopperOf } from "./stoppers.ts";

/** Longer than every deadline that may be met. */
const LONGEST_MS = 40_000;

/** One row of the table. */
export interface Row {
  readonly case: HostileCase;
  readonly tier: Tier;
  readonly stop: Stop;
}

/** Ids whose faults are expected: everything that was ever installed by an attack. */
const attackers = new Set<string>();

/** Run a case in one tier, check that nothing was harmed, and remove it. */
export async function run(laboratory: Laboratory, hostile: HostileCase, tier: Tier): Promise<Row> {
  const { client, facts, gateway } = laboratory;
  const id = `${hostile.id}.${tier}`;
  const tool = `${hostile.id}-${tier}`;
  const session = `attack-${hostile.id}-${tier}`;
  const seen: unknown[] = [];
  const installed = new Set<string>();
  const logged = gateway.stderr().length;
  const failed = laboratory.ordinary.failures.length;
  const questions = laboratory.asked.length;
  const own: PackageParts = { ...hostile, ...hostile.parts?.(facts, tier) };
  const record = <T>(value: T): T => {
    seen.push(value);
    return value;
  };
  const refusal = (thrown: unknown): Found => record(foundOf(thrown as Error));

  const ask: Attack["ask"] = async (parts = own) => {
    const archive = await makeArchive(laboratory.desk, parts, { id, tool, tier });
    const wanted = parts.manifest?.id ?? id;
    attackers.add(wanted);
    const asked = record(await client.request("plugins.install", { spec: archive }));
    if (asked.status !== "needs-consent") throw new Error(`no consent was asked for: ${JSON.stringify(asked)}`);
    installed.add(wanted);
    return { shown: [...asked.asks, ...asked.widens].join("\n"), confirm: asked.code };
  };
  const asked = (): readonly any[] => laboratory.asked.slice(questions).filter(({ sessionKey }) => String(sessionKey).startsWith(session));
  const send: Attack["send"] = async (text, { session: into = session, ...more } = {}) => {
    const turn = async (): Promise<any[]> => {
      const seen: any[] = [];
      await client.request("chat.send", { text, sessionKey: into, ...more }, (event) => seen.push(event));
      return seen;
    };
    const events = record(await inTime(turn(), text).catch((thrown) => [{ type: "end", status: "error", text: "", error: foundOf(thrown) }]));
    const end = events.at(-1);
    return {
      found: end?.error === undefined ? { code: "none", message: String(end?.text), answered: true } : foundOf(end.error),
      text: String(end?.text),
      events,
    };
  };
  const status: Attack["status"] = async (of = id) => {
    const { extensions } = await client.request("status", {});
    return extensions.find((one: { id: string }) => one.id === of);
  };
  const logs: Attack["logs"] = () => linesOf(gateway.stderr().slice(logged)).filter((line) => line.extension === id);

  const attack: Attack = {
    ...{ tier, facts, id, tool, session, ask, send, status, logs, asked },
    async install(parts) {
      try {
        const { confirm } = await ask(parts);
        record(await inTime(client.request("plugins.confirm", { code: confirm }), "the installation"));
        return null;
      } catch (thrown) {
        return refusal(thrown);
      }
    },
    async call(args = {}, name = tool) {
      const { events, found } = await send(`use ${name} ${JSON.stringify(args)}`);
      const end = events.find((event) => event.type === "tool-end" && event.name === name);
      return end === undefined ? found : foundIn(end.result);
    },
    async request(method, params = {}) {
      try {
        return { result: record(await inTime(client.request(method, params), method)) };
      } catch (thrown) {
        return { found: refusal(thrown) };
      }
    },
    async uninstall(of) {
      installed.delete(of);
      await inTime(client.request("plugins.uninstall", { id: of }), "the uninstallation").catch((thrown) => {
        if (thrown.code !== "PLINTH_NOT_INSTALLED") throw thrown;
      });
    },
    async fault(withinMs = 8_000) {
      for (const until = Date.now() + withinMs; ; await attack.sleep(50)) {
        const now = await status();
        if (now?.fault !== undefined) return record({ code: now.fault.code, message: now.fault.message, extension: id });
        const line = logs().find((one) => one.level === "warn" || one.level === "error");
        const code = /PLINTH_[A-Z_]+/.exec(line?.message ?? "")?.[0];
        if (line !== undefined && code !== undefined) return record({ code, message: line.message, extension: id });
        if (Date.now() > until) throw new Error(`nobody was told of a fault of ${id}: ${JSON.stringify(now)} ${JSON.stringify(logs().slice(-3))}`);
      }
    },
    reached: () => laboratory.reached(tool),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  };

  try {
    const found = await (hostile.attack ?? ordinaryAttack(hostile))(attack);
    record(found);
    await hostile.check?.(attack, found);
    const allowed = [hostile.stopped[tier] ?? []].flat();
    const stop = { by: stopperOf(found), code: found.code };
    expect(allowed, `${id} was stopped by something else: ${found.message}`).toContainEqual(stop);
    expect(laboratory.ordinary.failures.slice(failed), "other people's turns").toEqual([]);
    await unharmed(laboratory, attack, seen, hostile.blameless === true || found.answered === true ? null : found);
    return { case: hostile, tier, stop };
  } finally {
    for (const one of [...installed].reverse()) await attack.uninstall(one);
    expect(await status(), "it is still installed").toBeUndefined();
  }
}

const ordinaryAttack =
  ({ phase }: HostileCase) =>
  async (attack: Attack): Promise<Found> => {
    const refused = await attack.install();
    if (phase === "install" || phase === "activate") return refused ?? (await attack.fault());
    if (refused !== null) return refused;
    if (phase === "hook") {
      await attack.send("say hello");
      return attack.fault();
    }
    return attack.call();
  };

/** The same gateway, everybody answered, nobody else at fault, nothing told or touched outside, the culprit named. */
async function unharmed(laboratory: Laboratory, attack: Attack, seen: readonly unknown[], blamed: Found | null): Promise<void> {
  const { gateway, facts, client } = laboratory;
  expect([gateway.child.exitCode, gateway.child.signalCode], gateway.stderr().slice(-2_000)).toEqual([null, null]);
  expect((await fetch(`${gateway.url}/readyz`)).status).toBe(200);
  const { pid, extensions } = await client.request("status", {});
  expect(pid).toBe(facts.gatewayPid);
  const faults = extensions.filter((one: any) => one.fault !== undefined && !attackers.has(one.id));
  expect(faults, "faults of other extensions").toEqual([]);
  const text = `${JSON.stringify(seen)}\n${gateway.stderr()}`;
  expect(
    facts.canaries.filter((canary) => text.includes(canary)),
    "secrets that were seen",
  ).toEqual([]);
  expect(await laboratory.touched(), "changed outside").toEqual([]);
  expect(attack.reached(), "requests that arrived").toBe(0);
  if (blamed === null) return;
  const named =
    blamed.extension === attack.id ||
    blamed.message.includes(attack.id) ||
    blamed.message.includes(attack.tool) ||
    (await attack.status())?.fault !== undefined;
  expect(named, `the culprit is not named: ${JSON.stringify(blamed)}`).toBe(true);
}

/** Every caller gets an answer, whatever the extension does. */
function inTime<T>(answer: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(Object.assign(new Error(`${what}: no answer within ${LONGEST_MS} ms`), { code: "LATE" })), LONGEST_MS);
  });
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}

/** The log, without what is no line of it. */
function linesOf(text: string): { level: string; message: string; extension: string }[] {
  return text.split("\n").flatMap((line) => {
    try {
      return [JSON.parse(line)];
    } catch {
      return [];
    }
  });
}
