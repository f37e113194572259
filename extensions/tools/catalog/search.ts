import type { CatalogTool } from "@plinth/sdk";

const words = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

/** Those that the words fit, best first: a word of the name counts more than a part of one, and that more than what is said of it. */
export function search(tools: readonly CatalogTool[], query: string, limit: number): CatalogTool[] {
  const wanted = [...new Set(words(query))].slice(0, 32);
  const scored = tools.map((tool) => {
    const whole = new Set(words(tool.name));
    const [name, said] = [tool.name.toLowerCase(), `${tool.descriptor.title ?? ""} ${tool.descriptor.description}`.toLowerCase()];
    const score = wanted.reduce((sum, word) => sum + (whole.has(word) ? 6 : name.includes(word) ? 3 : 0) + (said.includes(word) ? 1 : 0), 0);
    return { tool, score };
  });
  return scored
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score || (a.tool.name < b.tool.name ? -1 : 1))
    .slice(0, limit)
    .map(({ tool }) => tool);
}
