import { type Call, type Client, type Context, PlinthError } from "@plinth/sdk";
import { openFolder } from "./open-files.ts";
import type { Seeds } from "./seeds.ts";

type Run = Client<"plinth.cli-command">["run"];
type TerminalItem = ReturnType<Run> extends AsyncIterable<infer Item> ? Item : never;

/** `plinth workspace init`: the files that are missing, in the workspace that the router gives an agent. */
export async function* initWorkspace(
  ctx: Pick<Context, "use">,
  seeds: Seeds,
  { options }: Parameters<Run>[0],
  call: Call,
): AsyncIterable<TerminalItem> {
  if (call.work !== undefined && call.work.principal.role !== "owner") throw ownersOnly();
  const wanted = options.agent === undefined ? undefined : String(options.agent);
  const router = ctx.use("plinth.router").one();
  const route = await router.route({ surface: "cli", ...(wanted === undefined ? {} : { agent: wanted }) });
  if (wanted !== undefined && route.agent !== wanted)
    throw unknown(
      wanted,
      (await router.agents({})).agents.map(({ id }) => id),
    );
  const folder = await openFolder(route.workspace);
  if (folder === undefined) throw missing(route.workspace);
  try {
    const { made, kept } = await seeds.plant(folder, options.anew === true);
    const lines = [...made.map((name) => `  written  ${name}`), ...kept.map((name) => `  kept     ${name}`)];
    yield { out: `${folder.real}\n${lines.join("\n")}\n` };
    yield { out: "They are told to the agent with each message: make them your own.\n" };
    yield { result: { agent: route.agent, workspace: folder.real, made, kept } };
  } finally {
    await folder.close();
  }
}

const ownersOnly = (): PlinthError =>
  new PlinthError("PLINTH_PERMISSION", "What agents are told is for their owner to write.", {
    next: "Run it as the owner, in a terminal of your own.",
  });

const unknown = (wanted: string, there: readonly string[]): PlinthError =>
  new PlinthError("PLINTH_AGENT_UNKNOWN", `There is no agent "${wanted.slice(0, 128)}".`, { next: `There are: ${there.join(", ")}.` });

const missing = (workspace: string): PlinthError =>
  new PlinthError("PLINTH_WORKSPACE_MISSING", `The workspace ${workspace} is not there.`, {
    next: "Make the folder, or name another one in the router's configuration.",
  });
