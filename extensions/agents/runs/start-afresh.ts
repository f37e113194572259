import { type Context, errorInfo } from "@plinth/sdk";

/** A store that keeps no reasons starts afresh without one. */
export async function startAfresh(ctx: Context, key: string, reason = ""): Promise<void> {
  const store = ctx.use("plinth.session-store").one();
  try {
    await store.reset({ key, reason: reason.replaceAll(/\s+/g, " ").slice(0, 200).toWellFormed() || "asked" });
  } catch (error) {
    if (errorInfo(error).code !== "PLINTH_UNSUPPORTED") throw error;
    await store.setHead({ key, head: null });
  }
}
