import { join } from "node:path";
import { type Call, defineExtension, isProduct, PlinthError } from "@plinth/sdk";
import { isLent } from "@plinth/sdk/wire";
import { Held } from "./held.ts";
import { Loans } from "./lent.ts";
import { keepSecret, readSecret } from "./secrets-file.ts";

export default defineExtension({
  activate(ctx) {
    const kernel = ctx.use("plinth.kernel").one();
    const loans = new Loans();
    const held = new Held();

    const secretValue = async (name: string): Promise<string | null> => {
      if (Held.is(name)) return held.value(name);
      const value = Object.hasOwn(process.env, name) ? process.env[name] : undefined;
      if (value !== undefined && value !== "") return value;
      const { home } = await kernel.snapshot({});
      return readSecret(join(home, FILE), name);
    };

    ctx.provide("plinth.secret-source", "local", {
      async resolve({ name, use }, { caller }) {
        // Values are for the host alone; it checks what was granted to whom.
        if (caller !== "host") throw refused(caller, "use plinth.secret-source: only the host may", "Use ctx.secrets.");
        // What is held is there for whom it was lent to, and by its name for nobody.
        if (!isLent(name)) return Held.is(name) ? null : secretValue(name);
        const secret = loans.secretOf(name, use);
        return secret === undefined ? null : secretValue(secret);
      },
      lend({ name, to, origin }, { caller }) {
        if (!isProduct(caller)) throw refused(caller, "lend a secret: only the product's own extensions may", "Use ctx.secrets.");
        if (isLent(name)) throw refused(caller, "lend what was lent", "Lend the secret itself.");
        const server = URL.parse(origin);
        if (server === null || server.origin === "null") {
          throw new PlinthError("PLINTH_BAD_INPUT", `${JSON.stringify(origin)} is not where a secret could go.`, {
            extension: caller,
            next: "Give an origin such as https://api.example.com.",
          });
        }
        return { name: loans.lend({ name, to, origin: server.origin }) };
      },
      hold({ purpose, value }, { caller }) {
        if (caller !== "plinth.credentials" && caller !== "host") throw refused(caller, "have values held", "Use ctx.secrets.");
        return { name: held.hold(purpose, value) };
      },
      async keep({ name, value }, { caller, work }: Call) {
        if (!isProduct(caller) || work?.principal.role !== "owner" || work.influences.length > 0)
          throw refused(caller, "keep a secret: only the owner's own word may", "Run in a shell: plinth init --secret NAME");
        const { home } = await kernel.snapshot({});
        const where = join(home, FILE);
        await keepSecret(where, name, value);
        return { where };
      },
    });
  },
});

const FILE = "secrets.json";

const refused = (caller: string, what: string, next: string): PlinthError =>
  new PlinthError("PLINTH_PERMISSION", `${caller} may not ${what}.`, { extension: caller, next });
