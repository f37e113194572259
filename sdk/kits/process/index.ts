/** For extensions that speak with programs (`ctx.spawn`): lines, messages, and JSON-RPC over them. Runs in every tier. */

export { type Companion, companion } from "./companion.ts";
export { type Framing, headerFraming, lineFraming } from "./framing.ts";
export { type JsonRpc, type JsonRpcOptions, jsonRpcOver, RpcError } from "./json-rpc.ts";
export { linesOf } from "./lines.ts";
