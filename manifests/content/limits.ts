/** Bytes that a part may carry itself, 64 KiB, as base64; what is larger is an artifact. */
export const INLINE_BASE64 = 87_384;
