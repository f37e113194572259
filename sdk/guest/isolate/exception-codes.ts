/** Names of DOMException whose place is their code; the older ones only have one. */
const NAMES =
  "IndexSize,,HierarchyRequest,WrongDocument,InvalidCharacter,,NoModificationAllowed,NotFound,NotSupported,InUseAttribute,InvalidState,Syntax," +
  "InvalidModification,Namespace,InvalidAccess,,TypeMismatch,Security,Network,Abort,URLMismatch,QuotaExceeded,Timeout,InvalidNodeType,DataClone";
/** Codes whose names are past. */
const PAST: Readonly<Record<number, string>> = { 2: "DOMSTRING_SIZE_ERR", 6: "NO_DATA_ALLOWED_ERR", 10: "INUSE_ATTRIBUTE_ERR", 16: "VALIDATION_ERR" };

export const codeOf = (name: string): number => (/^[A-Za-z]+Error$/.test(name) ? NAMES.split(",").indexOf(name.slice(0, -5)) + 1 : 0);

/** `DOMException.ABORT_ERR` and its like. */
export function defineCodes(Exception: { readonly prototype: object }): void {
  for (const [at, name] of NAMES.split(",").entries()) {
    const constant = PAST[at + 1] ?? `${name.replace(/(?<=[a-z])(?=[A-Z])|(?<=URL)/g, "_").toUpperCase()}_ERR`;
    for (const holder of [Exception, Exception.prototype]) Object.defineProperty(holder, constant, { value: at + 1, enumerable: true });
  }
}
