export { type ErrorData, errorData as errorInfo, PlinthError, type PlinthErrorOptions } from "@plinth/manifests/wire/error.ts";
