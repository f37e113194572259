/** Above each module that a bundle is made of stands the file that it was, as a comment or as the name of a function. */
const MODULE = /^\/\/ (\S+\.[cm]?[jt]sx?)$|^\s*"([^"]+)"\(/;
const PACKAGE = /^.*node_modules\/((?:@[^/]+\/)?[^/]+)\//;

/** The npm package that a line of a bundle came with; undefined for the project's own code. `line` counts from 1. */
export function libraryAt(code: string, line: number): string | undefined {
  const lines = code.split("\n").slice(0, line);
  const [, comment, name] = lines.map((one) => MODULE.exec(one)).findLast((found) => found !== null) ?? [];
  return PACKAGE.exec(comment ?? name ?? "")?.[1];
}
