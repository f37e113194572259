import { type Entry, tokensOf } from "./request.ts";

/**
 * Where what stays begins: with as much of the end as `keepTokens` allows, and at least the last message with what belongs to it. It is
 * a message of the user where that keeps most of it, and never a result without its call.
 *
 * @returns 0: nothing can be left out
 */
export function cutAt(history: readonly Entry[], keepTokens: number): number {
  let fits = history.length;
  let kept = 0;
  while (fits > 0 && kept + tokensOf(history[fits - 1]!) <= keepTokens) kept += tokensOf(history[--fits]!);
  if (fits === 0) return 0;
  const role = (at: number) => history[at]?.message.role;
  let user = fits;
  let left = kept;
  while (user < history.length && role(user) !== "user") left -= tokensOf(history[user++]!);
  if (user < history.length && left >= kept / 2) return user;
  let whole = fits;
  while (whole < history.length && role(whole) === "tool") whole++;
  if (whole < history.length) return whole;
  // Not even the end fits: it stays, with the calls that its results belong to.
  let last = history.length - 1;
  while (last > 0 && role(last) === "tool") last--;
  const asked = last - 1;
  // So does the question that it answers, where that is short.
  return asked > 0 && role(last) === "assistant" && role(asked) === "user" && tokensOf(history[asked]!) <= keepTokens ? asked : last;
}
