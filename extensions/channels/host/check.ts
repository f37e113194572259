import type { Finding } from "@plinth/sdk";
import type { Status } from "./channels.ts";

/** What an operator should know of accounts that do not carry messages though they are wanted. */
export function findingsOf(accounts: readonly Status[]): Finding[] {
  return accounts.flatMap((one) => [...stateOf(one), ...deliveriesOf(one)]);
}

function stateOf({ channel, account, extension, state, missing = [], error, retryAt }: Status): Finding[] {
  const name = nameOf(channel, account);
  const start = `plinth channels start ${channel}`;
  const find = (severity: Finding["severity"], code: string, what: string, why: string, next: string): Finding[] => [
    { code, severity, owner: extension, what, why, next },
  ];
  switch (state) {
    case "unconfigured":
      return find("notice", "PLINTH_CHANNEL_UNCONFIGURED", `is not configured as ${name}`, `It needs ${missing.join(" and ")}.`, "plinth init");
    case "quarantined": {
      const { code = "PLINTH_CHANNEL_DOWN", message = "It failed too often.", next = start } = error ?? {};
      return find("problem", code, `is left alone as ${name} until you start it`, message, next === start ? next : `${next} Then: ${start}`);
    }
    case "waiting": {
      const { code = "PLINTH_CHANNEL_DOWN", message = "There is no connection.", next } = error ?? {};
      const again = retryAt === undefined ? "" : ` It is tried again at ${new Date(retryAt).toISOString().slice(11, 19)} UTC.`;
      return find("problem", code, `is not connected as ${name}`, `${message}${again}`, next ?? `plinth channels status ${channel}`);
    }
    default:
      return [];
  }
}

function deliveriesOf({ channel, account, extension, failed, unknown }: Status): Finding[] {
  if (failed + unknown === 0) return [];
  return [
    {
      code: "PLINTH_DELIVERY_FAILED",
      severity: "notice",
      owner: extension,
      what: `did not deliver everything as ${nameOf(channel, account)}`,
      why: `${failed} ${failed === 1 ? "message was" : "messages were"} not delivered, of ${unknown} it is not known.`,
      next: `plinth channels status ${channel}`,
    },
  ];
}

const nameOf = (channel: string, account: string): string => (account === "default" ? channel : `${channel}/${account}`);
