/** Every bound of the gateway in one place. Times in milliseconds; `config.limits` overrides single ones. */
export interface Limits {
  /** Connections at once that have proven whose they are; the one that is idle for the longest gives way. */
  connections: number;
  /** Connections at once that have not, on the port and on the socket each; likewise. */
  strangers: number;
  /** How long a connection that has proven nothing may do nothing. */
  strangerMs: number;
  /** Longest wait for a request's headers. */
  headerMs: number;
  /** Longest wait for a whole request, body included. */
  bodyMs: number;
  /** Longest time between a WebSocket's upgrade and its `connect`. */
  connectMs: number;
  /** A WebSocket that answers no ping for this long is dropped. */
  pingMs: number;
  /** How long a stop waits for what is in flight. */
  drainMs: number;
  /** Unanswered requests on one WebSocket. */
  inFlight: number;
  /** Largest WebSocket message from a client. */
  frameBytes: number;
  /** A WebSocket client with more unread bytes than this is dropped. */
  bufferedBytes: number;
  /** Wrong tokens from one address in a minute. */
  failedTokens: number;
}

export const DEFAULT_LIMITS: Limits = {
  connections: 1024,
  strangers: 256,
  strangerMs: 5_000,
  headerMs: 5_000,
  bodyMs: 60_000,
  connectMs: 10_000,
  pingMs: 20_000,
  drainMs: 5_000,
  inFlight: 256,
  frameBytes: 1024 * 1024,
  bufferedBytes: 8 * 1024 * 1024,
  failedTokens: 10,
};

/** Body of an HTTP request, unless its route states another limit. */
export const BODY_BYTES = 1024 * 1024;
/** The most of one that is held whole, packed or not. */
export const WHOLE_BODY_BYTES = 64 * 1024 * 1024;
/** One piece of a streamed body. */
export const PIECE_BYTES = 64 * 1024;
/** What comes of a streamed body while its route is busy with what came before. */
export const GATHERED_BYTES = 256 * 1024;
/** Longest wait for an answer's first item, unless its route states another. */
export const HEAD_MS = 600_000;
/** A WebSocket message to a route, unless it states another limit. */
export const MESSAGE_BYTES = 64 * 1024;
/** Messages that a route's WebSocket takes in a second, unless it states another number. */
export const MESSAGES_PER_SECOND = 200;
/** Messages that came in one go before their route took the first of them. */
export const WAITING_MESSAGES = 4096;
/** How long a route may take to hear that a WebSocket closed. */
export const FAREWELL_MS = 5_000;
/** All headers of a request. */
export const HEADER_BYTES = 16 * 1024;
/** A WebSocket message before the connection is authenticated. */
export const CONNECT_FRAME_BYTES = 16 * 1024;
/** WebSockets that have not authenticated yet; the oldest gives way. */
export const PENDING_SOCKETS = 128;
/** An HTTP response whose reader takes nothing for this long is cut. */
export const STALL_MS = 60_000;
