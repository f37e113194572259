const HANDLE = /\{\{plinth-secret:([A-Z][A-Z0-9_]*)\}\}/g;

/** What an extension has in the place of a secret's value. */
export const secretHandle = (name: string): string => `{{plinth-secret:${name}}}`;

/** Names of the secrets whose handles stand in a text, each once. */
export const secretsIn = (text: string): string[] => [...new Set([...text.matchAll(HANDLE)].map(([, name = ""]) => name))];

export const withValues = (text: string, values: ReadonlyMap<string, string>): string =>
  text.replace(HANDLE, (_all, name: string) => values.get(name) ?? "");

/** Names of secrets that one extension may send for another, to one origin: they begin so, and nobody can guess them. */
export const LENT = "LENT_";
export const isLent = (name: string): boolean => name.startsWith(LENT);
