export interface CommandLine {
  readonly name: string;
  readonly summary: string;
  readonly usage?: string;
}

export interface MenuRules {
  /** What a name may consist of there; what does not fit is left out of the menu and can still be typed. */
  readonly pattern: RegExp;
  readonly most: number;
  readonly summaryChars: number;
}

export const MENU: MenuRules = Object.freeze({ pattern: /^[a-z0-9_]{1,32}$/, most: 100, summaryChars: 100 });

/** Commands as a service's menu takes them: dashes become underscores, two that would have one name are one. */
export function menuOf(commands: readonly CommandLine[], rules: MenuRules = MENU): CommandLine[] {
  const menu = new Map<string, CommandLine>();
  for (const command of commands) {
    const name = command.name.toLowerCase().replaceAll("-", "_");
    if (!rules.pattern.test(name) || menu.has(name) || menu.size >= rules.most) continue;
    menu.set(name, { ...command, name, summary: [...command.summary].slice(0, rules.summaryChars).join("") });
  }
  return [...menu.values()];
}

/** The command that a service's menu sent, as it is typed here. @param known names there are. */
export function typedCommand(name: string, args: string, known: readonly string[]): string {
  const plain = name.replace(/^\//, "").replace(/@.*$/s, "").toLowerCase();
  const found = known.find((one) => one === plain) ?? known.find((one) => one.replaceAll("-", "_") === plain) ?? plain;
  return args.trim() === "" ? `/${found}` : `/${found} ${args.trim()}`;
}
