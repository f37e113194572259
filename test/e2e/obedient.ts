import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeArchive } from "../hostile/package.ts";
import { type Client, connect, type Gateway, newHome, say, scriptedModel, sse, startGateway } from "./lab.ts";

export interface World {
  home: string;
  gateway: Gateway;
  client: Client;
  /** What every question of the gateway is answered with; `deny` at first. */
  answers: { option: string };
  /** Every question. */
  asked: any[];
  /** What the model was told. */
  requests: any[];
  env: Record<string, string>;
  /** An extension of the isolate tier, with consent. Resolves to what it asked for. */
  install(id: string, parts: object): Promise<string[]>;
}

/** A gateway whose model obeys: the last message `do TOOL {…}` is a call, and its result is told back. */
export async function obedientWorld(extensions: object = {}): Promise<World> {
  const { env, requests } = await scriptedModel((body, _request, response) => {
    const last = body.messages.at(-1);
    const order = /do (\S+) (\{.*\})/.exec(last.content);
    if (last.role === "user" && order !== null) return void sse.head(response).end(sse.call("c", order[1]!, JSON.parse(order[2]!)) + sse.done);
    say(response, `saw ${last.content}`);
  });
  const home = await newHome();
  await mkdir(join(home, "desk"));
  await writeFile(join(home, "plinth.json"), JSON.stringify({ extensions: { "plinth.openai-compatible": {}, ...extensions } }));
  const gateway = await startGateway(home, env);
  const client = await connect(gateway);
  const answers = { option: "deny" };
  const asked: any[] = [];
  void client
    .request("approvals.watch", {}, (step) => {
      if (step.state !== "asked") return;
      asked.push(step.request);
      const { id, digest } = step.request;
      void client.request("approvals.answer", { id, digest, option: answers.option });
    })
    .catch(() => {});
  const install = async (id: string, parts: object): Promise<string[]> => {
    const archive = await makeArchive(join(home, "desk"), parts, { id, tool: id.split(".")[1] as string, tier: "isolate" });
    const { code, asks } = await client.request("plugins.install", { spec: archive });
    await client.request("plugins.confirm", { code });
    return asks;
  };
  return { home, gateway, client, answers, asked, requests, env, install };
}
