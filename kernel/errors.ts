export { errors } from "@plinth/manifests/errors.ts";
export { type ErrorData, errorData, isPlinthError, owned, PlinthError } from "@plinth/manifests/wire/error.ts";
