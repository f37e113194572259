import { PlinthError, type Uses } from "@plinth/sdk";

/** `provider/model` as it is; `auto` and `provider/auto` by who is ready, in the order of their priority. */
export async function chooseModel(providers: Uses<"plinth.model-provider">, wanted: string): Promise<{ provider: string; name: string }> {
  const [asked, name = "auto"] = wanted === "auto" ? [undefined] : [wanted.slice(0, wanted.indexOf("/")), wanted.slice(wanted.indexOf("/") + 1)];
  const all = (await providers.list()).filter(({ id }) => asked === undefined || id === asked);
  if (asked !== undefined && name !== "auto" && all.length > 0) return { provider: asked, name };
  for (const { id } of all.sort((a, b) => a.descriptor.priority - b.descriptor.priority)) {
    const { ready, defaultModel } = await providers.get(id).status({});
    if (ready && defaultModel !== undefined) return { provider: id, name: defaultModel };
  }
  throw new PlinthError("PLINTH_MODEL_NONE", `No model can answer for ${JSON.stringify(wanted)}.`, { next: "Set a model provider up." });
}
