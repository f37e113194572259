export { type BootInput, boot } from "./boot.ts";
export { errorData, PlinthError } from "./errors.ts";
export type { Host } from "./host.ts";
export { main } from "./main.ts";
export { runWork, Work, withWork } from "./work.ts";
