import type { Client } from "@plinth/sdk";
import { endOf, type Grant, placeOf } from "../grants/grant.ts";
import type { Finding } from "./finding.ts";

type Description = Awaited<ReturnType<Client<"plinth.host">["describe"]>>;

const DAY_MS = 86_400_000;
const LONG_BLOCK_MS = 100;
const NEARLY = 0.9;
const MIB = 1_048_576;

/** Everything that is wrong with one extension, worst first. `changed` says how its files differ from what was installed. */
export function examine({ status, grant, lock, usage, missing, enforcement }: Description, changed: string | undefined, now: number): Finding[] {
  if (status.state === "disabled") return [];
  const { id } = status;
  const source = (lock as { source?: string } | undefined)?.source ?? id;
  const find = (severity: Finding["severity"], code: string, what: string, why: string, next: string): Finding => ({
    extension: id,
    severity,
    code,
    what,
    why,
    next,
  });
  const found: Finding[] = [];
  found.push(...faultOf(status, source));
  if (changed !== undefined && !found.some(({ code }) => code === "PLINTH_DIGEST")) {
    const next = `plinth plugins uninstall ${id} --keep-data, then plinth plugins install ${source}`;
    found.push(find("problem", "PLINTH_DIGEST", "has changed files", changed, next));
  }
  found.push(...grantOf(id, grant as Grant | undefined, now));
  if (usage?.breakerOpen) {
    const why = "It failed several times in a row; calls are refused for a short time, and then one is let through.";
    found.push(find("problem", "PLINTH_BREAKER_OPEN", "is left alone for now", why, `plinth audit --extension ${id} --since 1h`));
  }
  if (usage !== undefined) found.push(...costsOf(id, usage));
  if (status.bundled) return found;
  if (status.tier === "host" && !status.own) {
    const next = `plinth config unset 'extensions["${id}"].tier'`;
    found.push(find("notice", "PLINTH_TIER", "runs without a wall", "The configuration puts it into the host's own process.", next));
  } else if (status.tier !== "host" && enforcement.level === "none" && status.state !== "blocked") {
    const why = enforcement.detail.join("; ") || "The tier is not available here.";
    found.push(find("problem", "PLINTH_TIER", `has no wall: the tier ${status.tier} holds nothing here`, why, `plinth plugins inspect ${id}`));
  }
  const secrets = missing?.secrets ?? [];
  if (secrets.length > 0) {
    const what = `lacks the ${secrets.length === 1 ? "secret" : "secrets"} ${secrets.join(", ")}`;
    const next = `Set the environment variable ${secrets[0]}, or add it to secrets.json in the home folder.`;
    found.push(find("problem", "PLINTH_SECRET_MISSING", what, "It may use what is not set.", next));
  }
  const unset = missing?.env ?? [];
  if (unset.length > 0) {
    const next = `Set ${unset.length === 1 ? "it" : "them"} before the gateway starts, if it needs ${unset.length === 1 ? "it" : "them"}.`;
    found.push(find("notice", "PLINTH_ENV_MISSING", `may read ${unset.join(", ")}`, "That is not set in the host's environment.", next));
  }
  return found;
}

function faultOf({ id, state, fault }: Description["status"], source: string): Finding[] {
  if (fault === undefined) return [];
  const { code, message, next = `plinth plugins inspect ${id}`, count, retryAt } = fault;
  const base = { extension: id, code, why: message };
  if (state === "blocked") {
    if (code !== "PLINTH_CONSENT_NEEDED") return [{ ...base, severity: "problem", what: "is left out", next }];
    return [{ ...base, severity: "problem", what: "waits for consent", next: `plinth plugins install ${source}` }];
  }
  const times = count === 1 ? "once" : `${count} times`;
  if (state === "active") {
    return [{ ...base, severity: "notice", what: `failed ${times} and runs again`, next: `plinth plugins inspect ${id}` }];
  }
  const waits = retryAt === undefined ? "" : ` It is tried again after ${new Date(retryAt).toISOString().slice(11, 19)} UTC.`;
  const why = message + waits;
  return [
    { ...base, why, severity: "problem", what: `is in quarantine, having failed ${times}`, next: `plinth plugins enable ${id}`, fix: "enable" },
  ];
}

function grantOf(id: string, grant: Grant | undefined, now: number): Finding[] {
  if (grant === undefined) return [];
  const found: Finding[] = [];
  const { expiresAt } = grant;
  if (expiresAt !== undefined && expiresAt - now < DAY_MS) {
    const over = expiresAt <= now;
    found.push({
      extension: id,
      severity: over ? "problem" : "notice",
      code: "PLINTH_GRANT_EXPIRED",
      what: over ? "has no grant any more" : "loses its grant soon",
      why: `It ${over ? endOf(grant, now) : `holds ${endOf(grant, now)}`}.`,
      next: `plinth grants limit ${id} --expires 7d`,
    });
  }
  if (Object.keys(grant.scope ?? {}).length > 0) {
    const why = "Calls from other work are refused, as an owner decided.";
    const next = `plinth grants limit ${id} --everywhere`;
    found.push({ extension: id, severity: "notice", code: "PLINTH_GRANT_SCOPE", what: `is granted for ${placeOf(grant)} only`, why, next });
  }
  return found;
}

function costsOf(id: string, { budgets, process, counts }: NonNullable<Description["usage"]>): Finding[] {
  const found: Finding[] = [];
  const { heapMb } = budgets;
  if (heapMb !== undefined && process !== undefined && !process.shared && process.memoryBytes > heapMb * MIB * NEARLY) {
    const why = `It uses ${Math.round(process.memoryBytes / MIB)} of ${heapMb} MiB; more ends it.`;
    found.push({ extension: id, severity: "notice", code: "PLINTH_QUOTA", what: "is near its memory budget", why, next: "plinth top --once" });
  }
  if (counts.longestBlockMs >= LONG_BLOCK_MS) {
    const why = `The longest time was ${Math.round(counts.longestBlockMs)} ms, ${Math.round(counts.blockedMs)} ms in all; everybody waited.`;
    found.push({ extension: id, severity: "notice", code: "PLINTH_BLOCKED", what: "held up the host", why, next: `plinth plugins inspect ${id}` });
  }
  return found;
}
