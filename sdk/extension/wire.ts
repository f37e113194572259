/** For extensions of the product: the frame protocol, what a host and a runner say to each other, and handles of secrets. */

export { isLent, LENT, secretHandle } from "@plinth/manifests/secret-handle.ts";
export type {
  Bridge,
  CallInfo,
  ExecItem,
  ExecMessage,
  ExecRequest,
  FetchHead,
  FetchRequest,
  FileInfo,
  FilesRequest,
  LogLine,
  Principal,
  SocketItem,
  SocketRequest,
  WorkData,
} from "@plinth/manifests/wire/bridge.ts";
export { packBytes, toBase64, unpackBytes } from "@plinth/manifests/wire/bytes.ts";
export { parseBatch } from "@plinth/manifests/wire/frames.ts";
export { encodeMux, MuxReader } from "@plinth/manifests/wire/mux.ts";
export { type Handler, Peer } from "@plinth/manifests/wire/peer.ts";
export type { WireMeta } from "@plinth/manifests/wire/protocol.ts";
export type { Runner, RunnerInput } from "@plinth/manifests/wire/runner.ts";
export { type Receiver, StreamTransport, type Transport } from "@plinth/manifests/wire/transport.ts";
