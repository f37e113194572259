import { PlinthError } from "./error.ts";
import { WIRE } from "./protocol.ts";

/** What goes wrong between two peers; `extension` is the other side. */
export const raised = (extension: string) => ({
  exited: (how: string) =>
    new PlinthError("PLINTH_EXTENSION_EXITED", `The process of ${extension} ended (${how}).`, {
      extension,
      next: "It is started again at its next use; `plinth status` says why it ended.",
      details: { retryable: true },
    }),
  aborted: (what: string) => new PlinthError("PLINTH_ABORTED", `${what} was cancelled.`),
  busy: () => new PlinthError("PLINTH_QUOTA", `${extension} has too many calls in flight.`, { extension, next: "Wait for some to end." }),
  full: () =>
    new PlinthError("PLINTH_QUOTA", `${extension} does not read what it is sent: more than ${WIRE.maxHeldBytes} bytes wait for it.`, {
      extension,
      next: "Wait until it has read some.",
    }),
  parked: () =>
    new PlinthError("PLINTH_QUOTA", `${extension} sent more than is kept for it: ${WIRE.maxHeldBytes} bytes that nobody took yet.`, {
      extension,
      next: "Send less at once.",
    }),
  // Of our own message: the other side, which gets the error, knows who we are.
  payload: (why: string) => new PlinthError("PLINTH_PAYLOAD", `A message does not fit the frame protocol: ${why}.`),
  protocol: (why: string) =>
    new PlinthError("PLINTH_PROTOCOL", `${extension} broke the frame protocol: ${why}. Its process was ended.`, {
      extension,
      next: "Report it to the author of the extension.",
    }),
});
