import { type DocumentNode, parse, type ValueNode } from "@humanwhocodes/momoa";

/** Where the value at a JSON pointer, or the nearest one around it, stands in a JSON5 text; undefined where it cannot be parsed. */
export function placeOf(text: string, pointer: string): { line: number; column: number } | undefined {
  try {
    const document: DocumentNode = parse(text, { mode: "json5", allowTrailingCommas: true });
    let place = document.body.loc.start;
    let node: ValueNode = document.body;
    for (const part of pointer.split("/").slice(1)) {
      const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
      if (node.type === "Array") {
        const element: ValueNode | undefined = node.elements[Number(key)]?.value;
        if (element === undefined) break;
        place = element.loc.start;
        node = element;
        continue;
      }
      if (node.type !== "Object") break;
      const member = node.members.findLast(({ name }) => (name.type === "Identifier" ? name.name : name.value) === key);
      if (member === undefined) break;
      place = member.loc.start;
      node = member.value;
    }
    return { line: place.line, column: place.column };
  } catch {
    return undefined;
  }
}
