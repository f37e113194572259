export { contractProblem } from "./contracts.ts";
export { productContracts, requiredMethods } from "./product-contracts.ts";
export type { Chosen, Release, SolveInput } from "./release.ts";
export { solve } from "./solver.ts";
