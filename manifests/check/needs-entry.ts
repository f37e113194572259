import contractData from "../generated/contracts.js";
import type { Manifest } from "../schema/extension.ts";

type Methods = Readonly<Record<string, { optional?: boolean }>>;

/**
 * What a manifest without code provides that only code can: the contract has methods, of which one at least is not optional.
 *
 * @returns its place in `provides`, and its contract; undefined where nothing is missing, as for data alone.
 */
export function missingEntry({ entry, provides = [], defines = [] }: Manifest): { at: number; contract: string } | undefined {
  if (entry !== undefined) return undefined;
  const known = [...defines, ...(contractData as { id: string; methods: Methods }[])];
  const at = provides.findIndex(({ contract }) => {
    const methods = known.find(({ id }) => id === contract)?.methods as Methods | undefined;
    return Object.values(methods ?? {}).some(({ optional }) => optional !== true);
  });
  return at === -1 ? undefined : { at, contract: provides[at]?.contract as string };
}

export const NO_ENTRY = "needs code: name its module in `entry`, such as ./src/index.ts";
