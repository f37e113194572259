import Type, { type Static } from "typebox";
import { defineContract, openUnion } from "../../define.ts";
import { ImagePart } from "../content/part.ts";
import { Needs } from "../needs.ts";

const profile = Type.String({ minLength: 1, maxLength: 64, pattern: "^[a-z0-9][a-z0-9-]*$" });
const url = Type.String({ maxLength: 16_384, pattern: "^(https?://|about:blank$)" });
const tab = Type.String({ minLength: 1, maxLength: 64, description: "Stays the same while the tab is there." });
const ref = Type.String({ minLength: 1, maxLength: 64, description: "An element of the newest snapshot of the tab." });
const waitMs = Type.Optional(Type.Integer({ minimum: 0, maximum: 120_000 }));

export const BrowserTab = Type.Object({
  tab,
  url: Type.String({ maxLength: 16_384, description: "Empty where it may not be told, see `blocked`." }),
  title: Type.String({ maxLength: 1_024, description: "The page's own words." }),
  active: Type.Optional(Type.Boolean()),
  blocked: Type.Optional(Type.String({ maxLength: 500, description: "Why the page may not be looked at." })),
});
export type BrowserTab = Static<typeof BrowserTab>;

/** What is done on a page. Elements are named by a snapshot's refs, never by selectors. */
export const BrowserAction = openUnion("kind", [
  Type.Object({
    kind: Type.Literal("click"),
    ref,
    button: Type.Optional(Type.Enum(["left", "right", "middle"])),
    count: Type.Optional(Type.Integer({ minimum: 1, maximum: 3 })),
  }),
  Type.Object({ kind: Type.Literal("type"), ref, text: Type.String({ maxLength: 65_536 }), submit: Type.Optional(Type.Boolean()) }),
  Type.Object({
    kind: Type.Literal("fill"),
    fields: Type.Array(Type.Object({ ref, value: Type.String({ maxLength: 65_536 }) }), { minItems: 1, maxItems: 256 }),
  }),
  Type.Object({ kind: Type.Literal("press"), key: Type.String({ maxLength: 64, description: "Such as `Enter`, `Control+A`." }) }),
  Type.Object({ kind: Type.Literal("hover"), ref }),
  Type.Object({ kind: Type.Literal("scroll"), ref: Type.Optional(ref), dy: Type.Optional(Type.Integer()) }),
  Type.Object({ kind: Type.Literal("drag"), ref, to: ref }),
  Type.Object({ kind: Type.Literal("select"), ref, values: Type.Array(Type.String({ maxLength: 1_024 }), { maxItems: 256 }) }),
  Type.Object({ kind: Type.Literal("upload"), ref, artifacts: Type.Array(Type.String({ maxLength: 128 }), { minItems: 1, maxItems: 32 }) }),
  Type.Object({ kind: Type.Literal("dialog"), accept: Type.Boolean(), text: Type.Optional(Type.String({ maxLength: 8_192 })) }),
  Type.Object({
    kind: Type.Literal("wait"),
    text: Type.Optional(Type.String({ maxLength: 1_024 })),
    gone: Type.Optional(Type.String({ maxLength: 1_024 })),
    url: Type.Optional(Type.String({ maxLength: 2_048 })),
    ms: waitMs,
  }),
]);
export type BrowserAction = Static<typeof BrowserAction>;

const onTab = { profile: Type.Optional(profile), tab: Type.Optional(Type.String({ maxLength: 64, description: "Default: the active one." })) };
const tabOut = Type.Object({ tab: BrowserTab });

export const browserDriver = defineContract({
  id: "plinth.browser-driver",
  version: "1.0.0",
  title: "Browser driver",
  summary: "Drives a browser: its profiles, tabs, what is on a page and what is done there. What pages say is data of others.",
  cardinality: "many",
  selection: "by-id",
  choice: true,
  descriptor: Type.Object({
    title: Type.String({ maxLength: 200 }),
    kind: Type.Enum(["managed", "attached", "remote", "relay"], {
      description: "managed: it starts a browser with a profile of its own. attached, relay: somebody's own browser, signed in as they are.",
    }),
    needs: Type.Optional(Needs),
    can: Type.Array(Type.Enum(["pdf", "evaluate", "cookies", "emulate", "downloads", "console"]), { description: "What not all can." }),
  }),
  methods: {
    status: {
      summary: "Whether it can start or is running, and what to do where it cannot.",
      input: Type.Object({ profile: Type.Optional(profile) }),
      output: Type.Object({
        running: Type.Boolean(),
        ready: Type.Boolean(),
        reason: Type.Optional(Type.String({ maxLength: 500 })),
        version: Type.Optional(Type.String({ maxLength: 128 })),
        profiles: Type.Array(profile, { maxItems: 64 }),
      }),
      deadlineMs: 10_000,
      idempotent: true,
    },
    start: {
      summary: "Start it, where it does not run.",
      input: Type.Object({ profile: Type.Optional(profile), headless: Type.Optional(Type.Boolean()) }),
      output: Type.Object({ running: Type.Boolean() }),
      deadlineMs: 60_000,
      idempotent: true,
    },
    stop: {
      summary: "Stop it, with all that it started. Somebody's own browser is let go of, and goes on.",
      input: Type.Object({ profile: Type.Optional(profile) }),
      output: Type.Object({ running: Type.Boolean() }),
      deadlineMs: 30_000,
      idempotent: true,
    },
    tabs: {
      summary: "The open tabs.",
      input: Type.Object({ profile: Type.Optional(profile) }),
      output: Type.Object({ tabs: Type.Array(BrowserTab, { maxItems: 256 }) }),
      deadlineMs: 10_000,
      idempotent: true,
    },
    open: {
      summary: "A new tab. The address, and each one that it leads to, is checked before the page is shown to anybody.",
      input: Type.Object({ profile: Type.Optional(profile), url, background: Type.Optional(Type.Boolean()) }),
      output: tabOut,
      deadlineMs: 60_000,
    },
    navigate: {
      summary: "Go to an address, or in the tab's history.",
      input: Type.Object({ ...onTab, url: Type.Optional(url), go: Type.Optional(Type.Enum(["back", "forward", "reload"])) }),
      output: tabOut,
      deadlineMs: 60_000,
    },
    focus: {
      summary: "Make it the active one.",
      input: Type.Object({ profile: Type.Optional(profile), tab }),
      output: tabOut,
      deadlineMs: 10_000,
      idempotent: true,
    },
    close: {
      summary: "Close a tab. false: there was none.",
      input: Type.Object({ profile: Type.Optional(profile), tab }),
      output: Type.Object({ closed: Type.Boolean() }),
      deadlineMs: 10_000,
      idempotent: true,
    },
    snapshot: {
      summary: "What is on the page, as text with a ref for each element that can be acted on. Its refs hold until the next snapshot or page.",
      input: Type.Object({
        ...onTab,
        interactive: Type.Optional(Type.Boolean({ description: "Only what can be acted on." })),
        within: Type.Optional(ref),
        maxChars: Type.Optional(Type.Integer({ minimum: 100, maximum: 1_000_000 })),
      }),
      output: Type.Object({
        tab: BrowserTab,
        text: Type.String({ maxLength: 1_000_000 }),
        refs: Type.Integer({ minimum: 0, description: "How many." }),
        truncated: Type.Optional(Type.Boolean()),
      }),
      deadlineMs: 30_000,
    },
    screenshot: {
      summary: "A picture of the page, or of one element.",
      input: Type.Object({
        ...onTab,
        ref: Type.Optional(ref),
        full: Type.Optional(Type.Boolean({ description: "All of the page, not what is seen of it." })),
      }),
      output: Type.Object({ tab: BrowserTab, image: ImagePart }),
      deadlineMs: 60_000,
    },
    act: {
      summary: "Do these in order; the first that fails, or leads to another page, ends it.",
      input: Type.Object({ ...onTab, actions: Type.Array(BrowserAction, { minItems: 1, maxItems: 64 }), timeoutMs: waitMs }),
      output: Type.Object({
        tab: BrowserTab,
        done: Type.Integer({ minimum: 0, description: "How many of them were done." }),
        moved: Type.Optional(Type.Boolean({ description: "Another page is there now." })),
        dialog: Type.Optional(Type.Object({ kind: Type.String({ maxLength: 32 }), message: Type.String({ maxLength: 8_192 }) })),
        downloads: Type.Optional(Type.Array(Type.String({ maxLength: 128, description: "Artifacts." }), { maxItems: 32 })),
      }),
      deadlineMs: 180_000,
    },
    evaluate: {
      summary: "Run a function in the page.",
      input: Type.Object({ ...onTab, code: Type.String({ minLength: 1, maxLength: 65_536 }), ref: Type.Optional(ref) }),
      output: Type.Object({ value: Type.Unknown() }),
      deadlineMs: 30_000,
      optional: true,
    },
    pdf: {
      summary: "The page as an artifact.",
      input: Type.Object({ ...onTab }),
      output: Type.Object({ artifact: Type.String({ maxLength: 128 }) }),
      deadlineMs: 60_000,
      optional: true,
    },
    console: {
      summary: "What the page wrote and what failed in it, the oldest first.",
      input: Type.Object({ ...onTab, limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })) }),
      output: Type.Object({
        messages: Type.Array(Type.Object({ level: Type.String({ maxLength: 16 }), text: Type.String({ maxLength: 8_192 }), at: Type.Number() }), {
          maxItems: 1_000,
        }),
      }),
      deadlineMs: 10_000,
      idempotent: true,
      optional: true,
    },
  },
  errors: {
    PLINTH_BROWSER_MISSING: "There is no browser that it could start.",
    PLINTH_BROWSER_FAILED: "The browser ended or does not answer.",
    PLINTH_BROWSER_ADDRESS: "The address, or one that it leads to, may not be reached.",
    PLINTH_BROWSER_TAB: "There is no such tab.",
    PLINTH_BROWSER_REF: "The ref is of an older snapshot or page: take a new snapshot.",
    PLINTH_BROWSER_ACTION: "The page did not let it be done.",
    PLINTH_UNSUPPORTED: "This browser cannot do that.",
  },
});
