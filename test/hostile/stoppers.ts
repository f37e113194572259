import type { Found, Stopper } from "./case.ts";

type Rule = readonly [stopper: Stopper, code: RegExp, message?: RegExp];

/** What an answer tells about what stopped the attack; the first that fits. */
const RULES: readonly Rule[] = [
  ["memory watch", /^PLINTH_EXTENSION_EXITED$/, /its process took more memory|process of \S+ ended \(it took more memory/],
  ["heap limit", /^PLINTH_EXTENSION_EXITED$/, /heap|more memory|out of memory|SIGABRT|SIGTRAP/i],
  ["heap limit", /^PLINTH_EXTENSION_FAILED$/, /cannot be used: it took more memory/],
  ["time limit", /^PLINTH_EXTENSION_(EXITED|FAILED)$/, /without a pause|timed out/],
  ["watchdog", /^PLINTH_EXTENSION_EXITED$/, /did not react/],
  ["processor budget", /^PLINTH_(EXTENSION_EXITED|EXTENSION_FAILED|QUOTA)$/, /processor|cpu/i],
  ["timer limit", /^PLINTH_EXTENSION_EXITED$/, /timers/],
  ["frame limit", /./, /over the limit|sends more than is taken/],
  ["frame protocol", /^PLINTH_(PROTOCOL|EXTENSION_EXITED)$/, /frame protocol|credit/],
  ["storage watch", /^PLINTH_(EXTENSION_EXITED|QUOTA)$/, /kept more than/],
  ["crash of its own", /^PLINTH_EXTENSION_EXITED$/],
  ["deadline", /^PLINTH_(DEADLINE|ABORTED)$/],
  ["answer limit", /^PLINTH_ANSWER_TOO_LONG$/],
  ["schema guard", /^PLINTH_SCHEMA$/],
  ["reserved name", /^PLINTH_RESERVED$/],
  ["store quota", /^PLINTH_QUOTA$/, /stor/i],
  ["call budget", /^PLINTH_(QUOTA|BREAKER_OPEN)$/],
  ["quarantine", /^PLINTH_QUARANTINED$/],
  ["schema check", /^PLINTH_(PAYLOAD|TOOL_RESULT|TOOL_INPUT)$/],
  ["declared ceiling", /^PLINTH_(UNDECLARED|NOT_PROVIDED|UNSUPPORTED)$/],
  ["egress", /^PLINTH_PERMISSION$/, /reach|network|host|address|connect/i],
  // A guest's own error has no code of the host's, whatever it says.
  ["permission model", /^PLINTH_(PERMISSION|EXTENSION_FAILED)$/, /it may not (send signals|change the engine)/],
  ["broker", /^PLINTH_(PERMISSION|SECRET_MISSING|GRANT_\w+)$/],
  ["manifest check", /^PLINTH_(MANIFEST_\w+|FOLDER)$/],
  ["archive check", /^PLINTH_(ARCHIVE|PACK)_\w+$/],
  ["consent", /^PLINTH_CONSENT_\w+$/],
  ["digest", /^PLINTH_(DIGEST|INTEGRITY)$/],
  ["resolver", /^PLINTH_(VERSION_CONFLICT|DEPENDENCY_MISSING|CYCLE|CAPABILITY_CONFLICT|CONTRACT_UNKNOWN|NEEDED|BUNDLED|TIER)$/],
  ["approval", /^PLINTH_AUTHORITY$/],
  ["choice", /^PLINTH_(NOT_CHOSEN|MODEL_UNKNOWN)$/],
  ["origin", /^PLINTH_(INTERACTION_\w+|SESSION_FENCED)$/],
  ["permission model", /^ERR_ACCESS_DENIED$/],
  ["system wall", /^(ENOENT|EACCES|EPERM|EROFS|ESRCH|ECONNREFUSED|ENETUNREACH|EAI_AGAIN|EMFILE|ENOSPC|EDQUOT|EFBIG|SIGXFSZ)$/],
  ["no such thing inside", /^(ReferenceError|TypeError)$/, /not defined|not a function|undefined|not supported/i],
  ["no such thing inside", /^PLINTH_EXTENSION_FAILED$/, /Code generation from strings|is not defined|are not supported here/],
  ["its own error", /^(RangeError|SyntaxError|TypeError|Error|PLINTH_EXTENSION_FAILED)$/],
  ["inert", /^none$/],
];

export function stopperOf({ code, message, by }: Found): Stopper {
  if (by !== undefined) return by;
  const rule = RULES.find(([, codes, words]) => codes.test(code) && (words === undefined || words.test(message)));
  if (rule === undefined) throw new Error(`nothing tells what stopped it: ${code}: ${message}`);
  return rule[0];
}

/** A tool's result as an attack: what `attempt` says, an error's code at the end of its text, or a plain answer. */
export function foundIn(result: { isError?: boolean; content: readonly { text?: string }[] }): Found {
  const text = result.content.map((part) => part.text ?? "").join("\n");
  const refused = /^REFUSED ([A-Za-z0-9_]+): ([\s\S]*)$/.exec(text);
  if (refused !== null) return { code: refused[1] as string, message: refused[2] as string, answered: true };
  const failed = /\((PLINTH_[A-Z0-9_]+|[A-Z][A-Za-z0-9_]*)\)$/.exec(text);
  if (result.isError && failed !== null) return { code: failed[1] as string, message: text.slice(0, -failed[0].length).trim() };
  return { code: "none", message: text, answered: true };
}

/** An error as the gateway's surfaces give it. */
export const foundOf = (error: { code?: unknown; message?: unknown; extension?: unknown }): Found => ({
  code: String(error.code ?? "none"),
  message: String(error.message ?? ""),
  ...(typeof error.extension === "string" ? { extension: error.extension } : {}),
});
