export { type Shortened, shortened, type ToShorten } from "./shortened.ts";
export { earlierIn, leftOutMessage, summaryMessage } from "./summary.ts";
export { CHARS_A_TOKEN, charsIn, charsOf, resultText, tokensIn } from "./weight.ts";
