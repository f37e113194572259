export { chatCommand } from "./chat.ts";
export { findingsOf } from "./check.ts";
export { gatewayMethod } from "./gateway-methods.ts";
export { Roster } from "./roster.ts";
export { shellCommand } from "./shell.ts";
