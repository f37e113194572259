/** A tool as a turn knows it. */
export interface Tool {
  /** As the model is told about it. */
  readonly spec: { name: string; description: string; input: Record<string, unknown>; say?: string[]; extension?: string };
  readonly effects: readonly string[];
  /** extension/tool, whose opaque parts are its own. */
  readonly maker: string;
  /** Whose words its results are, where it is not the product's. */
  readonly from?: string;
  /** Of what it says of itself: where it says something else by then, it is not called. */
  readonly digest?: string;
  /** It may run beside others. */
  readonly parallel: boolean;
  /** Names of arguments that nobody but the tool and its model is shown. */
  readonly secrets: readonly string[];
}
