import { type Context, PlinthError } from "@plinth/sdk";
import type { Input, Operation } from "../operation.ts";
import { type Block, code, safe } from "../report.ts";
import { asksNow, choose } from "./choose.ts";
import { endOf, minute, placeOf, readExpiry } from "./grant.ts";
import { type Granted, granted } from "./granted.ts";
import { inWords, pin } from "./pin.ts";

const ID = [{ name: "id", summary: "Such as demo.dice", required: true }];

/** What owners allowed, and how they take it back. */
export function grantOperations(ctx: Context): Operation[] {
  return [list(ctx), show(ctx), choose(ctx), pin(ctx), limit(ctx), revoke(ctx)];
}

function list(ctx: Context): Operation {
  return {
    group: "grants",
    name: "list",
    summary: "List what was granted to which extension, where and until when",
    access: "anyone",
    examples: ["list", "list --json"],
    async *run({ signal }) {
      const { grants } = await ctx.use("plinth.host").one().grants({}, { signal });
      const all = Object.entries(grants).map(([id, grant]): Granted => ({ id, grant }));
      return { grants: all.sort((a, b) => (a.id < b.id ? -1 : 1)) };
    },
    report({ grants }: { grants: Granted[] }, { requester }) {
      if (grants.length === 0) return { blocks: [{ text: "Nothing is granted: only what belongs to the product runs." }] };
      const now = ctx.clock.now();
      const rows = grants.map(({ id, grant }) => [id, grant.version, placeOf(grant), endOf(grant, now)]);
      const command = requester.surface === "chat" ? "/plugins grants show" : "plinth grants show";
      return {
        blocks: [{ head: ["id", "version", "holds in", "how long"], rows }, { text: `What one may do: ${code(`${command} ${grants[0]?.id}`)}` }],
      };
    },
  };
}

function show(ctx: Context): Operation {
  return {
    group: "grants",
    name: "show",
    summary: "Show everything that was granted to an extension",
    access: "anyone",
    args: ID,
    examples: ["show demo.dice"],
    // biome-ignore lint/correctness/useYield: there is nothing to say on the way
    async *run({ input, signal }) {
      return await granted(ctx, String(input.id), signal);
    },
    report: ({ id, grant }: Granted) => ({
      blocks: [
        { text: `What was granted to ${code(id)}` },
        {
          facts: [
            ["Holds in", placeOf(grant)],
            ["How long", endOf(grant, ctx.clock.now())],
            ["Granted", `${minute(grant.at)}, ${grant.by}`],
            ["Version", grant.version],
            ["Digest", `${grant.digest.slice(0, 16)}…`],
            ["Chosen as", grant.chosen?.join(", ") || "nothing"],
            ["Pinned", grant.pins?.map(({ program, secrets }) => `${program} for ${inWords(secrets)}`).join("; ") || "nothing"],
          ],
        },
        { title: "It may" },
        { items: grant.asks.length > 0 ? asksNow(grant) : ["do nothing outside itself"] },
      ] as Block[],
    }),
  };
}

function limit(ctx: Context): Operation {
  return {
    group: "grants",
    name: "limit",
    summary: "Let a grant hold only in a session or for an agent, or only for a time",
    access: "owner",
    args: ID,
    options: {
      session: { type: "string", value: "KEY", summary: "Only in work of this session" },
      agent: { type: "string", value: "NAME", summary: "Only in work of this agent" },
      everywhere: { type: "boolean", summary: "In all work again" },
      expires: { type: "string", value: "WHEN", summary: "End in 30m, 12h, 7d or 2w, at a date, or never" },
    },
    examples: ["limit demo.dice --session main --expires 7d", "limit demo.dice --everywhere --expires never"],
    async *run({ input, signal }) {
      const id = String(input.id);
      const change = changeOf(input, ctx.clock.now());
      await granted(ctx, id, signal);
      yield `Changing the grant of ${safe(id, 120)} …`;
      return {
        id,
        grant: await ctx
          .use("plinth.host-admin")
          .one()
          .grant({ id, ...change }, { signal }),
      };
    },
    report: ({ id, grant }: Granted) => {
      const others = grant.scope === undefined ? "" : " Other calls of it are refused.";
      return { blocks: [{ text: `The grant of ${code(id)} holds in ${code(placeOf(grant))} now, ${endOf(grant, ctx.clock.now())}.${others}` }] };
    },
  };
}

function revoke(ctx: Context): Operation {
  return {
    group: "grants",
    name: "revoke",
    summary: "Take a grant away at once; the extension stays installed and does not run",
    access: "owner",
    args: ID,
    examples: ["revoke demo.dice"],
    async *run({ input, signal }) {
      const id = String(input.id);
      await granted(ctx, id, signal);
      const { lock } = await ctx.use("plinth.host").one().describe({ id }, { signal });
      yield `Revoking the grant of ${safe(id, 120)} …`;
      const { generation } = await ctx.use("plinth.host-admin").one().revoke({ id }, { signal });
      return { id, generation, source: (lock as { source?: string } | undefined)?.source ?? id };
    },
    report({ id, source }: { id: string; source: string }, { requester }) {
      const again = `${requester.surface === "chat" ? "/plugins" : "plinth plugins"} install ${source}`;
      return { blocks: [{ text: `The grant of ${code(id)} is revoked; what ran of it was ended. Consent again: ${code(again)}` }] };
    },
  };
}

function changeOf(input: Input, now: number): { scope?: Record<string, string> | null; expiresAt?: number | null } {
  const { session, agent, everywhere, expires } = input;
  const wrong = (message: string) =>
    new PlinthError("PLINTH_USAGE", message, { next: "Give --session KEY, --agent NAME, --everywhere or --expires WHEN." });
  const scope = Object.fromEntries(
    Object.entries({ session, agent }).flatMap(([label, value]) => (typeof value === "string" ? [[label, value]] : [])),
  ) as Record<string, string>;
  for (const [label, value] of Object.entries(scope)) if (value === "" || value.length > 256) throw wrong(`--${label} is empty or too long.`);
  const isScoped = Object.keys(scope).length > 0;
  if (everywhere === true && isScoped) throw wrong("--everywhere and a session or an agent exclude each other.");
  if (everywhere !== true && !isScoped && expires === undefined) throw wrong("There is nothing to change.");
  return {
    ...(everywhere === true ? { scope: null } : isScoped ? { scope } : {}),
    ...(typeof expires === "string" ? { expiresAt: readExpiry(expires, now) } : {}),
  };
}
