/** How a model call fails, by what can be done about it. The error's `details` say `retryable`, and `retryAfterMs` where the server said it. */
export const modelErrors = {
  PLINTH_MODEL_AUTH: "The key is missing or was refused.",
  PLINTH_MODEL_BILLING: "The account has to be paid for.",
  PLINTH_MODEL_QUOTA: "What the account may use up is used up; waiting a moment does not help.",
  PLINTH_MODEL_RATE: "Too many requests at once; retryable.",
  PLINTH_MODEL_OVERLOADED: "The server has too much to do; retryable.",
  PLINTH_MODEL_SERVER: "The server failed; retryable.",
  PLINTH_MODEL_NETWORK: "The server cannot be reached; retryable.",
  PLINTH_MODEL_CONTEXT:
    "The conversation is longer than the model's context; `details` has `limitTokens` and `askedTokens` where the server said them.",
  PLINTH_MODEL_REQUEST: "The server refused the request as it is.",
  PLINTH_MODEL_UNSUPPORTED: "The model cannot take something that was asked for; `details.param` says which field.",
  PLINTH_MODEL_UNKNOWN: "There is no such model.",
  PLINTH_MODEL_FILTER: "Content rules withheld the answer, or refused the request.",
  PLINTH_MODEL_STREAM: "The answer was not what the protocol says, or was cut.",
} as const;
