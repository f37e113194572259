/** Names of tools, in which `*` stands for any letters. */
export interface May {
  allow?: readonly string[];
  deny?: readonly string[];
}

/** Whether a tool of this name is one that the turn has. */
export function isPermitted(name: string, may: May | undefined): boolean {
  if (may === undefined) return true;
  if (may.deny?.some((pattern) => fits(name, pattern))) return false;
  return may.allow === undefined || may.allow.some((pattern) => fits(name, pattern));
}

/** In as many steps as the two are long, whatever the pattern. */
function fits(name: string, pattern: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  if (rest.length === 0) return name === pattern;
  const last = rest.pop() as string;
  if (!name.startsWith(first) || name.length < first.length + last.length || !name.endsWith(last)) return false;
  let at = first.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= name.length - last.length;
}
