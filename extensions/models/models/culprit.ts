import type { ModelTool } from "@plinth/sdk";
import { blamesTools } from "@plinth/sdk/kits/model-api";

/** Requests that one answer may take to find what its server refuses. */
export const MOST_TRIES = 24;

/**
 * The tool that a server refuses without naming it, by halving: the half that is refused holds it. Of several, one; whoever asks again
 * without it finds the next.
 *
 * @param tries whether the server takes a request with these tools and no others; throws what it throws
 * @param left how many requests may be sent
 * @returns undefined: it is not one of the tools alone, or not found in so many requests; `used` is how many were sent
 */
export async function culprit(
  tools: readonly ModelTool[],
  tries: (tools: readonly ModelTool[]) => Promise<void>,
  left: number,
): Promise<{ tool: ModelTool | undefined; used: number }> {
  let used = 0;
  const refuses = async (some: readonly ModelTool[]): Promise<boolean> => {
    used++;
    try {
      await tries(some);
      return false;
    } catch (thrown) {
      if (blamesTools(thrown)) return true;
      throw thrown;
    }
  };
  // The conversation may be what is refused, or the tools together.
  if (left < 1 + Math.ceil(Math.log2(tools.length)) || !(await refuses(tools))) return { tool: undefined, used };
  let suspects = tools;
  while (suspects.length > 1) {
    const half = suspects.slice(0, Math.ceil(suspects.length / 2));
    suspects = (await refuses(half)) ? half : suspects.slice(half.length);
  }
  if (used < left && !(await refuses(suspects))) return { tool: undefined, used };
  return { tool: suspects[0], used };
}
