import type { SearchIndex } from "@plinth/manifests";

export type SearchRow = SearchIndex["packages"][number];

const MAX_WORDS = 16;

/** The rows in which each word of the query occurs, best first; an empty query lists all of them by id. */
export function searchRows(rows: readonly SearchRow[], query: string, limit: number): SearchRow[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean).slice(0, MAX_WORDS);
  return rows
    .map((row) => ({ row, score: words.reduce((sum, word) => (sum < 0 ? sum : addScore(sum, scoreOf(row, word))), 0) }))
    .filter(({ score }) => score >= 0)
    .sort((a, b) => b.score - a.score || (a.row.id < b.row.id ? -1 : 1))
    .slice(0, limit)
    .map(({ row }) => row);
}

const addScore = (sum: number, score: number) => (score === 0 ? -1 : sum + score);

function scoreOf(row: SearchRow, word: string): number {
  const name = row.id.slice(row.id.indexOf(".") + 1);
  if (row.id === word || name === word) return 100;
  if (row.id.startsWith(word) || name.startsWith(word)) return 50;
  if (row.title.toLowerCase().includes(word)) return 30;
  if (row.id.includes(word)) return 20;
  if (row.words?.some((known) => known.toLowerCase().includes(word))) return 15;
  return row.description.toLowerCase().includes(word) ? 10 : 0;
}
