/**
 * Of session keys and run ids: no half of a surrogate pair. Stores and UTF-8 turn each half into the same sign, so that two keys
 * would be one.
 */
export const WHOLE = "^[^\\uD800-\\uDFFF]*$";
