import { errorData, isPlinthError } from "@plinth/manifests/wire/error.ts";
import type { Api } from "./api.ts";
import type { Call, Route } from "./route.ts";

const MAX_SUBJECT = 200;
const MAX_DETAIL = 1_000;

/** Do it, and write down who did what, or tried to. */
export async function audited<T>({ storage, now }: Api, { audit }: Route, call: Call<any, any, any, any>, body: () => Promise<T>): Promise<T> {
  if (audit === undefined) return body();
  const token = call.subject?.token;
  const write = (action: string, detail: string | undefined) =>
    storage.audit.add({
      at: new Date(now()).toISOString(),
      user: token?.user ?? "",
      ...(token === undefined ? {} : { tokenId: token.id }),
      address: call.address,
      action,
      // A body that did not fit says nothing.
      subject: (audit.subject(call) ?? "").slice(0, MAX_SUBJECT),
      ...(detail === undefined ? {} : { detail: detail.slice(0, MAX_DETAIL) }),
    });
  try {
    const result = await body();
    await write(audit.as, audit.detail?.(call));
    return result;
  } catch (error) {
    await write(`${audit.as}.refused`, isPlinthError(error) ? error.code : errorData(error).code);
    throw error;
  }
}
