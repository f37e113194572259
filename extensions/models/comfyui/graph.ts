/** A node of a workflow in ComfyUI's API format; an input is a value, or `[node, output]`. */
export interface Node {
  readonly class_type: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly _meta?: { readonly title?: string };
}
export type Graph = Readonly<Record<string, Node>>;

/** What is no link to another node. */
export const isValue = (value: unknown): boolean => typeof value === "string" || typeof value === "number" || typeof value === "boolean";
