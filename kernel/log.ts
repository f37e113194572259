import { redact, redactField } from "@plinth/manifests/redact.ts";
import pino from "pino";
import { currentWork } from "./work.ts";

export type LogLevel = "trace" | "debug" | "info" | "warn" | "error" | "silent";

export interface Log {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

/** The root log: one JSON line each on standard error, with extension id, generation and work id. */
export class Logs {
  readonly #pino: pino.Logger;

  constructor(level: LogLevel, destination: pino.DestinationStream = pino.destination({ fd: 2, sync: true })) {
    this.#pino = pino({ level, base: null, messageKey: "message", formatters: { level: (label) => ({ level: label }) } }, destination);
  }

  of(extension: string): Log {
    const write = (level: "debug" | "info" | "warn" | "error", message: string, fields?: Record<string, unknown>): void => {
      if (!this.#pino.isLevelEnabled(level)) return;
      const work = currentWork();
      this.#pino[level](
        {
          ...(fields === undefined ? {} : renamed(redactField("", fields, 0) as object)),
          extension,
          ...(work === undefined ? {} : { work: work.id, generation: work.generation }),
        },
        redact(String(message).slice(0, 8_000)),
      );
    };
    return {
      debug: (message, fields) => write("debug", message, fields),
      info: (message, fields) => write("info", message, fields),
      warn: (message, fields) => write("warn", message, fields),
      error: (message, fields) => write("error", message, fields),
    };
  }
}

/** A line's own keys are the host's: fields of these names get an underscore. */
const OWN = new Set(["level", "time", "message", "extension", "work", "generation"]);
const renamed = (fields: object): object => Object.fromEntries(Object.entries(fields).map(([key, one]) => [OWN.has(key) ? `${key}_` : key, one]));
