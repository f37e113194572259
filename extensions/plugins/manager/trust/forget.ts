import { type Context, PlinthError } from "@plinth/sdk";
import type { Registries } from "../market/registries.ts";
import type { Operation } from "../operation.ts";
import { code } from "../report.ts";
import { remembered } from "./memory.ts";

interface Forgotten {
  status: "needs-confirmation" | "forgotten";
  registry: string;
  publisher?: string;
  /** How many publishers are not known any more. */
  publishers: number;
}

/** Begin anew: the next contact is the first one, and is believed like a first one. */
export function forget(ctx: Context, registries: Registries): Operation {
  return {
    group: "trust",
    name: "forget",
    summary: "Forget a registry, or one of its publishers: the next contact is the first one",
    access: "owner",
    args: [
      { name: "registry", summary: "Such as acme, or the address of one that is not asked any more", required: true },
      { name: "publisher", summary: "Only this one" },
    ],
    options: { yes: { type: "boolean", short: "y", summary: "Do not ask" } },
    examples: ["forget acme", "forget acme demo --yes"],
    async *run({ input }): AsyncGenerator<string, Forgotten> {
      const name = String(input.registry);
      const publisher = typeof input.publisher === "string" ? input.publisher : undefined;
      const found = (await remembered(ctx, registries)).find((one) => [one.name, one.identity, one.address].includes(name));
      const known = found?.publishers.filter((one) => publisher === undefined || one.publisher === publisher) ?? [];
      if (found === undefined || (publisher !== undefined && known.length === 0)) {
        throw new PlinthError(
          "PLINTH_TRUST_UNKNOWN",
          `${publisher === undefined ? "Such a registry" : `Such a publisher of ${name.slice(0, 60)}`} is not known here.`,
          {
            next: "plinth trust list shows what is.",
          },
        );
      }
      const told = { registry: name, ...(publisher === undefined ? {} : { publisher }), publishers: known.length };
      if (input.yes !== true) return { status: "needs-confirmation", ...told };
      const client = (await registries.clients()).find((one) => one.name === found.name);
      const { address = found.identity } = client?.identity ?? {};
      await (await registries.trust()).forget(
        { identity: found.identity, address },
        { ...(publisher === undefined ? {} : { publisher }), ...(client === undefined ? {} : { url: client.url }) },
      );
      registries.reopen();
      return { status: "forgotten", ...told };
    },
    report({ status, registry, publisher, publishers }: Forgotten, { requester }) {
      const what = publisher === undefined ? `${code(registry)} and its ${publishers} publishers` : `${code(publisher)} of ${code(registry)}`;
      if (status === "forgotten") return { blocks: [{ text: `Forgotten: ${what}. What it says next is believed like at a first contact.` }] };
      const chat = requester.surface === "chat";
      const argv = ["trust", "forget", registry, ...(publisher === undefined ? [] : [publisher]), "--yes"];
      const how = code(`${chat ? "/plugins" : "plinth"} ${argv.join(" ")}`);
      const text = `This forgets ${what}: whoever answers at the next contact is believed, as at a first one. Yes: ${how}`;
      return { blocks: [{ text }], ...(chat ? {} : { confirm: { question: `Forget ${publisher ?? registry}?`, argv } }) };
    },
  };
}
