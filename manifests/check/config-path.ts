import { PlinthError } from "../wire/error.ts";

/** `extensions["acme.weather"].config.units`, also `extensions.acme.weather.config.units`: an id has exactly one dot. */
export function parsePath(path: string): string[] {
  const parts: string[] = [];
  const pattern = /\[\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|(\d+))\s*\]|([^.[\]]+)|\./gy;
  let at = 0;
  while (at < path.length) {
    pattern.lastIndex = at;
    const match = pattern.exec(path);
    if (match === null) throw notAPath(`"${path}" is not a path at character ${at + 1}`);
    at = pattern.lastIndex;
    const part = match[1] ?? match[2] ?? match[3] ?? match[4];
    if (part !== undefined) parts.push(part);
  }
  if (parts.length === 0) throw notAPath("it is empty");
  if (parts[0] === "extensions" && parts.length > 2 && !(parts[1] as string).includes(".")) {
    parts.splice(1, 2, `${parts[1]}.${parts[2]}`);
  }
  return parts;
}

const notAPath = (why: string): PlinthError =>
  new PlinthError("PLINTH_CONFIG_PATH", `That is not a path of the configuration: ${why}.`, {
    next: 'Write it like extensions["acme.weather"].config.units.',
  });
