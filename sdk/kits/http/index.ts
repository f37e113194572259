export { bytesItem, bytesOf, empty, json, jsonOf, text, textOf } from "./answer.ts";
export { type Duplex, type DuplexProvider, duplexRoute, type SocketMessage } from "./duplex.ts";
