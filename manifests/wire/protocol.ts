/**
 * The frame protocol between the host and an extension's process.
 *
 * A frame is a 4-byte big-endian length and that many bytes of UTF-8 JSON: an array of messages. Both sides call and
 * answer. Message kinds are the first element:
 *   ["call", id, method, params, meta]   start a call; meta = { work?, deadlineMs?, stream? }
 *   ["ok", id, value]                    its result
 *   ["err", id, error]                   its failure: { code, message, extension?, next? }
 *   ["next", id, value]                  one item of a stream
 *   ["end", id]                          the stream is complete
 *   ["credit", id, n]                    the consumer takes n more items
 *   ["cancel", id]                       the caller lost interest
 *   ["note", method, params]             no answer wanted
 */
export type WireMessage =
  | ["call", number, string, unknown, WireMeta]
  | ["ok", number, unknown]
  | ["err", number, WireError]
  | ["next", number, unknown]
  | ["end", number]
  | ["credit", number, number]
  | ["cancel", number]
  | ["note", string, unknown];

export interface WireMeta {
  work?: string;
  deadlineMs?: number;
  stream?: boolean;
}

export interface WireError {
  code: string;
  message: string;
  extension?: string;
  next?: string;
  retryable?: boolean;
  retryAfterMs?: number;
}

export const WIRE = {
  version: 1,
  maxFrameBytes: 4 * 1024 * 1024,
  batchBytes: 256 * 1024,
  streamCredits: 64,
  /** Of one stream, sent and not taken yet; the item that goes over it still goes. */
  streamBytes: 64 * 1024,
  /** The same of a stream to a guest that reads it, as far as `aheadBytes` of all its streams together go. */
  widestBytes: 256 * 1024,
  aheadBytes: 512 * 1024,
  /**
   * So much taken is told at once, without waiting for half of the credits. Far below a window's worth, also where the text of an
   * item has six characters for one: else both sides would wait.
   */
  creditBytes: 8 * 1024,
  maxPendingCalls: 4096,
  /** What waits to be sent to the other side, and the same for what it sent and nobody took. */
  maxHeldBytes: 5 * 1024 * 1024,
} as const;
