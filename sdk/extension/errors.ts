export { type ErrorData, errorData as errorInfo, isPlinthError, PlinthError, type PlinthErrorOptions } from "@plinth/manifests/wire/error.ts";
