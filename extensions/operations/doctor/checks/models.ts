import { type Context, CREDENTIAL_WORDS, errorInfo, type Finding, type ModelSource, type Provider } from "@plinth/sdk";

interface State {
  one: ModelSource;
  ready: boolean;
  configured: boolean;
  reason?: string;
}

const SETUP = "plinth init";

/** Whether the model that conversations use can answer; online, whether each provider that is set up can be reached. */
export function modelsCheck(ctx: Context): Provider<"plinth.check"> {
  const models = ctx.use("plinth.models").one();

  const statusOf = async (one: ModelSource, signal: AbortSignal): Promise<State> => {
    try {
      return { one, ...(await models.status({ provider: one.id }, { signal })) };
    } catch (thrown) {
      return { one, ready: false, configured: true, reason: errorInfo(thrown).message };
    }
  };

  /** It asks for the list of models: that costs nothing, and shows whether the key is taken. */
  const reached = async (one: ModelSource, signal: AbortSignal): Promise<Finding[]> => {
    try {
      await models.models({ provider: one.id }, { signal });
      return [];
    } catch (thrown) {
      const { code, message, next = `plinth models ${one.id}` } = errorInfo(thrown);
      return [{ code, severity: "problem", owner: one.extension, what: `cannot reach ${one.title}`, why: message, next }];
    }
  };

  return {
    async examine({ online }, { signal }) {
      const states = await Promise.all((await models.sources({})).sources.map((one) => statusOf(one, signal)));
      const ready = states.filter((state) => state.ready);
      const model = await configured(ctx);
      const chosen = model.split("/")[0] as string;
      const findings = chosen === "auto" ? automatic(states) : wanted(chosen, model, states);
      findings.push(...(await unusable(ctx)));
      if (online) for (const found of await Promise.all(ready.map(({ one }) => reached(one, signal)))) findings.push(...found);
      return { findings };
    },
  };
}

const UNWELL: readonly string[] = ["expired", "invalid", "unresolved", "sign-in", "disabled"];

/** What somebody added and cannot be used, though another one may answer in its place. */
async function unusable(ctx: Context): Promise<Finding[]> {
  const slot = ctx.use("plinth.credentials");
  if ((await slot.list()).length === 0) return [];
  const { credentials } = await slot.one().list({});
  return credentials
    .filter(({ reason }) => UNWELL.includes(reason))
    .map(({ id, vendor, kind, reason }) => ({
      code: "PLINTH_CREDENTIAL_UNUSABLE",
      severity: "notice",
      owner: "plinth.credentials",
      what: `cannot use ${id}`,
      why: `It ${CREDENTIAL_WORDS[reason] ?? reason}.`,
      next: kind === "oauth" ? `plinth models auth login ${vendor}` : `plinth models auth list ${vendor}`,
    }));
}

/** What a conversation would be answered by; `auto` also where nobody routes messages. */
async function configured(ctx: Context): Promise<string> {
  const router = ctx.use("plinth.router");
  return (await router.list()).length === 0 ? "auto" : (await router.one().route({ surface: "cli" })).model;
}

/** By the first that somebody set up, whether or not it can answer. */
function automatic(states: readonly State[]): Finding[] {
  const chosen = states.find(({ one, ready, configured }) => one.trusted && one.standIn !== true && (ready || configured));
  if (chosen?.ready) return [];
  if (chosen !== undefined) return wanted(chosen.one.id, `${chosen.one.id}/auto`, states);
  const [standIn] = states.filter(({ ready }) => ready);
  const none = standIn === undefined;
  return [
    {
      code: "PLINTH_NO_MODEL",
      severity: none ? "problem" : "notice",
      owner: standIn?.one.extension ?? "host",
      what: none ? "has no model that could answer" : "answers in place of a real model",
      why: none ? "No provider of models is ready." : "No other provider is set up.",
      next: SETUP,
    },
  ];
}

function wanted(id: string, model: string, states: readonly State[]): Finding[] {
  const state = states.find(({ one }) => one.id === id);
  if (state?.ready) return [];
  return [
    {
      code: "PLINTH_MODEL_NOT_READY",
      severity: "problem",
      owner: state?.one.extension ?? "host",
      what: `cannot answer as ${model}, which is configured`,
      why: state === undefined ? `There is no provider ${id} here.` : (state.reason ?? "It does not say why."),
      next: SETUP,
    },
  ];
}
