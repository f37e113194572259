import { CHOSEN, type Context, type Manifest, PlinthError, PROVIDE_WORDS } from "@plinth/sdk";
import type { Operation } from "../operation.ts";
import { code } from "../report.ts";
import type { Grant } from "./grant.ts";
import { granted } from "./granted.ts";

interface Choice {
  status: "chosen" | "unchosen" | "needs-confirmation";
  id: string;
  contracts: string[];
}

const CONDITION = /, once you chose it/;
const withoutCondition = (words: string): string => words.replace(CONDITION, "");

/** What it may do as things are: no condition stands with what its owner chose. */
export function asksNow({ asks, chosen = [] }: Grant): string[] {
  const met = chosen.flatMap((one) => PROVIDE_WORDS[one] ?? []);
  return asks.map((ask) => (met.some((words) => ask.startsWith(words)) ? withoutCondition(ask) : ask));
}

/** A third party's model or harness is used only after its owner said so once, knowing what that amounts to. */
export function choose(ctx: Context): Operation {
  return {
    group: "grants",
    name: "choose",
    summary: "Choose a third party's model or harness, so that it may be used at all",
    access: "owner",
    args: [{ name: "id", summary: "Such as acme.model", required: true }],
    options: {
      yes: { type: "boolean", short: "y", summary: "Do not ask" },
      not: { type: "boolean", summary: "Take the choice back" },
    },
    examples: ["choose acme.model", "choose acme.model --yes", "choose acme.model --not"],
    async *run({ input, signal }): AsyncGenerator<string, Choice> {
      const id = String(input.id);
      await granted(ctx, id, signal);
      const { manifest } = await ctx.use("plinth.host").one().describe({ id }, { signal });
      const offered = new Set((manifest as Manifest).provides?.map(({ contract }) => contract));
      const contracts = CHOSEN.filter((one) => offered.has(one));
      if (contracts.length === 0) {
        throw new PlinthError("PLINTH_USAGE", `${id} provides nothing that has to be chosen.`, { extension: id, next: "It is used as it is." });
      }
      if (input.not !== true && input.yes !== true) return { status: "needs-confirmation", id, contracts };
      yield `Changing the grant of ${id} …`;
      await ctx
        .use("plinth.host-admin")
        .one()
        .grant({ id, chosen: input.not === true ? [] : contracts }, { signal });
      return { status: input.not === true ? "unchosen" : "chosen", id, contracts };
    },
    report({ status, id, contracts }: Choice, { requester }) {
      if (status === "unchosen") return { blocks: [{ text: `${code(id)} is not used any more.` }] };
      const words = contracts.map((one) => withoutCondition(PROVIDE_WORDS[one] ?? one));
      const may = [{ title: "Then it may" }, { items: words }];
      if (status === "chosen")
        return { blocks: [{ text: `${code(id)} is chosen, and may be used from now on.` }, { title: "It may" }, { items: words }] };
      const chat = requester.surface === "chat";
      const how = chat ? `/plugins grants choose ${id} --yes` : `plinth grants choose ${id} --yes`;
      return {
        blocks: [{ text: `Choose ${code(id)}?` }, ...may, { text: `Yes: ${code(how)}. No: do nothing.` }],
        ...(chat
          ? { suggest: [{ label: `Choose ${id}`, text: how }] }
          : { confirm: { question: `Choose ${id} for this?`, argv: ["grants", "choose", id, "--yes"] } }),
      };
    },
  };
}
