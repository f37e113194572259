/** The pages' one style sheet: system fonts, light and dark, from a phone's width on. */
export const STYLE = `
:root { color-scheme: light dark; --back: #fbfaf8; --card: #fff; --text: #1c1b19; --soft: #5d5a54; --line: #dedad2; --accent: #0b5c6b; --warn: #8a4b00; --danger: #a3161b; --warn-back: #fff3e0; }
@media (prefers-color-scheme: dark) {
  :root { --back: #141517; --card: #1d1f22; --text: #ebe9e4; --soft: #aaa79f; --line: #383b40; --accent: #6cc5d6; --warn: #f0b35e; --danger: #ff8d8f; --warn-back: #2c2415; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); font: 1rem/1.55 system-ui, sans-serif; overflow-wrap: anywhere; }
a { color: var(--accent); text-underline-offset: 0.15em; }
a:focus-visible, input:focus-visible, select:focus-visible, button:focus-visible, summary:focus-visible, pre:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: 0.5rem; background: var(--card); padding: 0.5rem 1rem; }
header, main, footer { max-width: 62rem; margin: 0 auto; padding: 1rem 1.25rem; }
header { display: flex; flex-wrap: wrap; gap: 0.75rem 2rem; align-items: baseline; }
header .name { font-size: 1.15rem; font-weight: 650; text-decoration: none; color: var(--text); }
footer { color: var(--soft); font-size: 0.9rem; border-top: 1px solid var(--line); margin-top: 2rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0.5rem 0; }
h2 { font-size: 1.15rem; margin: 1.75rem 0 0.5rem; }
form.search { display: grid; grid-template-columns: 1fr auto; gap: 0.6rem; margin: 1rem 0; }
form.search .filters { grid-column: 1 / -1; display: flex; flex-wrap: wrap; gap: 0.6rem 1.2rem; font-size: 0.92rem; color: var(--soft); }
form.search .filters label { display: flex; gap: 0.4rem; align-items: center; }
input, select, button { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 0.55rem 0.8rem; min-width: 0; min-height: 2.75rem; }
.filters input { width: 11rem; }
button { background: var(--accent); color: var(--back); border-color: var(--accent); font-weight: 600; cursor: pointer; }
.soft { color: var(--soft); }
.small { font-size: 0.9rem; }
ul.packages { list-style: none; margin: 0; padding: 0; display: grid; gap: 0.75rem; }
ul.packages li, .card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 0.9rem 1.1rem; }
ul.packages h2 { margin: 0; font-size: 1.05rem; }
ul.packages p { margin: 0.25rem 0; }
.columns { display: grid; gap: 0 2rem; grid-template-columns: minmax(0, 1fr); }
@media (min-width: 56rem) { .columns { grid-template-columns: minmax(0, 2fr) minmax(0, 1fr); } }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 0.9rem 1.1rem; white-space: pre-wrap; margin: 0; font: 0.92rem/1.5 ui-monospace, monospace; }
code { font: 0.92em ui-monospace, monospace; }
.notice { border-left: 4px solid var(--warn); background: var(--warn-back); padding: 0.7rem 1rem; border-radius: 0 8px 8px 0; margin: 0.75rem 0; }
.notice.danger { border-color: var(--danger); }
.level-danger { color: var(--danger); font-weight: 600; }
.level-warning { color: var(--warn); font-weight: 600; }
.tag { border: 1px solid var(--line); border-radius: 99px; padding: 0.05rem 0.55rem; font-size: 0.82rem; color: var(--soft); white-space: nowrap; }
time { white-space: nowrap; }
table { border-collapse: collapse; width: 100%; font-size: 0.9rem; }
th, td { text-align: left; overflow-wrap: normal; padding: 0.45rem 0.6rem 0.45rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
dl { margin: 0; display: grid; gap: 0.5rem; }
dt { color: var(--soft); font-size: 0.88rem; }
dd { margin: 0; }
nav.pages { display: flex; justify-content: space-between; margin: 1rem 0; }
@media (prefers-reduced-motion: no-preference) { a { transition: color 0.1s; } }
`;

export const ICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#0f766e"/><path d="M7 23h18v3H7zM9 19h14v3H9zM12 6h8v12h-8z" fill="#fff"/></svg>';
