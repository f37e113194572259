import type { ContractDef } from "../define.ts";
import * as every from "./every.ts";

type Every = (typeof every)[keyof typeof every];

/** Each contract by its id. It goes by their names, so that the declarations of it are these lines and not all that they say. */
export type ContractMap = { readonly [C in Every as C["id"]]: C };

/** Every contract of the product, by id. */
export const contracts = Object.fromEntries(Object.values(every).map((contract) => [contract.id, contract])) as unknown as ContractMap;

/** Older majors of contracts above that the product still serves, each with an adapter in a bundled extension. */
export const pastContracts: readonly ContractDef[] = [];

/** Every hook of the product with its definition, by name. */
export type HookMap = (typeof every.turns)["hooks"] &
  (typeof every.harness)["hooks"] &
  (typeof every.toolSet)["hooks"] &
  (typeof every.inbox)["hooks"] &
  (typeof every.pluginSource)["hooks"] &
  (typeof every.host)["hooks"];
