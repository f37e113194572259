/** For objects with hidden state: how structuredClone copies one. Known by name, since what has it may be loaded later. */
export const COPY = Symbol.for("plinth.copy");
