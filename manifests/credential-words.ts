/** Why a credential cannot be used, going on after its name. */
export const CREDENTIAL_WORDS: Readonly<Record<string, string>> = {
  ok: "can be used",
  cooldown: "rests after a failure",
  disabled: "was refused a moment ago",
  expired: "has expired",
  invalid: "is not well-formed",
  missing: "is not set",
  unresolved: "refers to something that gives nothing",
  "sign-in": "wants a new sign-in",
  "left-out": "is left out of the order that is set",
  "no-model": "has not this model",
  "not-for-agent": "is another agent's",
};
