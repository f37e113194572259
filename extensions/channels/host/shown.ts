import { visible } from "@plinth/sdk";
import type { Status } from "./channels.ts";
import type { Asking, Known } from "./people.ts";

/** One account in a line. */
export function statusLine(one: Status, now: number): string {
  const name = one.account === "default" ? one.channel : `${one.channel}/${one.account}`;
  return `${visible(name, { max: 80 })}  ${stateWords(one, now)}${countWords(one)}`;
}

function stateWords({ state, missing = [], retryAt, error }: Status, now: number): string {
  const why = error === undefined ? "" : `: ${visible(error.message, { max: 300 })} (${error.code})`;
  switch (state) {
    case "unconfigured":
      return `not configured, set ${missing.join(" and ")}`;
    case "idle":
      return "not connected, no gateway runs";
    case "waiting":
      return `not connected, tried again in ${Math.max(0, Math.round(((retryAt ?? now) - now) / 1_000))} s${why}`;
    case "quarantined":
      return `left alone until you start it${why}`;
    default:
      return `${state}${why}`;
  }
}

function countWords({ waiting, toSend, failed, unknown }: Status): string {
  const words = [
    waiting > 0 ? `${waiting} waiting for an answer` : "",
    toSend > 0 ? `${toSend} to send` : "",
    failed > 0 ? `${failed} not delivered` : "",
    unknown > 0 ? `${unknown} perhaps not delivered` : "",
  ].filter((one) => one !== "");
  return words.length === 0 ? "" : `, ${words.join(", ")}`;
}

export const personLine = ({ address, standing, name }: Known): string =>
  `${address}  ${standing}${name === undefined ? "" : `, calls themselves ${JSON.stringify(visible(name, { max: 80 }))}`}`;

export const askingLine = ({ code, who, name }: Asking): string =>
  `${code}  ${who}${name === undefined ? "" : `, calls themselves ${JSON.stringify(visible(name, { max: 80 }))}`}`;
