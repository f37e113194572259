import type { Manifest } from "@plinth/manifests";

/** The tiers with a wall. */
export type Tier = "isolate" | "process";

/** When the attack happens, in the order of an extension's life. */
export type Phase = "install" | "activate" | "call" | "stream" | "hook" | "timer" | "command" | "stop";

/**
 * What stopped it. `inert` = it may try, and nothing comes of it: what it sent stays data, what it broke was its own.
 * `bounded` = it may go on, but only as much as its budget, and nobody notices.
 */
export type Stopper =
  | "archive check"
  | "manifest check"
  | "schema check"
  | "resolver"
  | "consent"
  | "approval"
  | "choice"
  | "origin"
  | "digest"
  | "declared ceiling"
  | "broker"
  | "egress"
  | "answer limit"
  | "reserved name"
  | "store quota"
  | "storage watch"
  | "schema guard"
  | "frame limit"
  | "call budget"
  | "quarantine"
  | "processor budget"
  | "deadline"
  | "time limit"
  | "heap limit"
  | "memory watch"
  | "watchdog"
  | "timer limit"
  | "frame protocol"
  | "log limit"
  | "no such thing inside"
  | "permission model"
  | "system wall"
  | "the runtime itself"
  | "crash of its own"
  | "its own error"
  | "bounded"
  | "inert";

/** One way in which it may end. `code` is what the caller was given; `none` when it was given a plain result. */
export interface Stop {
  readonly by: Stopper;
  readonly code: string;
}

/** What the machine outside holds: what an attack is after. Never in anything that an attack gives back. */
export interface Facts {
  /** A file outside every granted folder; its content is a canary. */
  readonly secretFile: string;
  /** A folder outside; nothing may be written into it. */
  readonly outside: string;
  /** The gateway's home folder, its process id and its token (a canary). */
  readonly home: string;
  readonly gatewayPid: number;
  readonly gatewayUrl: string;
  /** A name in the gateway's environment whose value is a canary. */
  readonly envName: string;
  /** A server on loopback that answers every request with a canary, and counts them. */
  readonly loopbackUrl: string;
  readonly loopbackPort: number;
  /** A Unix socket (path) that answers with a canary. */
  readonly socketPath: string;
  /** A harmless extension that has stored a canary under the key `secret` and in its data folder. */
  readonly neighbour: string;
  readonly neighbourData: string;
  /** Each string that must not be seen in any answer, event, log line or file of an attack. */
  readonly canaries: readonly string[];
}

/** What the caller saw. */
export interface Found {
  readonly code: string;
  readonly message: string;
  /** The extension that the error names, where the surface tells it. */
  readonly extension?: string | undefined;
  /** Where the code alone does not tell what stopped it, the case says it. */
  readonly by?: Stopper;
  /** It was given a plain result, the extension's own words: there is no error that could name it. */
  readonly answered?: boolean;
}

/** What a package is made of. Everything that is left out is as a good extension would have it. */
export interface PackageParts {
  /** Laid over the base manifest: one tool named `attack.tool`. */
  readonly manifest?: Partial<Manifest>;
  /** The whole entry, instead of one made of `activate` and `code`. Plain JavaScript; may `import { defineExtension } from "@plinth/sdk"`. */
  readonly module?: string;
  /** Statements at the top of the module, such as imports of node: modules (process tier only). */
  readonly top?: string;
  /** Statements in `activate(ctx)`, before the tool is provided. */
  readonly activate?: string;
  /** Body of the tool's `async call(input, call)`; `ctx`, `input`, `call`, `say(value)` and `attempt(body)` are in scope. Default: answers "fine". */
  readonly code?: string;
  /** Use `module` as it is, without a bundler: for an entry that no author's tools would make. */
  readonly raw?: boolean;
  /** More files of the package, or a whole tarball in place of all of it. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  readonly tarball?: Uint8Array;
}

/** One run of a case: a package of its own in one tier of the running gateway. */
export interface Attack {
  readonly tier: Tier;
  readonly facts: Facts;
  /** `<case>.<tier>`. */
  readonly id: string;
  /** Name of its tool: `<case>-<tier>`. */
  readonly tool: string;
  /** Pack, install with consent. Resolves to null when installed, otherwise to the refusal. `parts` default to the case's. */
  install(parts?: PackageParts): Promise<Found | null>;
  /** The same, stopping before the consent: what is shown, and the code to confirm with. */
  ask(parts?: PackageParts): Promise<{ shown: string; confirm: string }>;
  /** A turn whose model asks for the tool. */
  call(args?: Record<string, unknown>, tool?: string): Promise<Found>;
  /** A message in a session of its own: `/command`, or `say WORDS`, which the model answers with WORDS. */
  send(
    text: string,
    more?: { session?: string; model?: string; suggestedBy?: string },
  ): Promise<{ found: Found; text: string; events: readonly any[] }>;
  /** Any gateway method; a refusal is a value. */
  request(method: string, params?: object): Promise<{ result?: any; found?: Found }>;
  /** Uninstall a package that the case installed besides its own. */
  uninstall(id: string): Promise<void>;
  /** What the gateway says of an extension now: state, fault, counts. */
  status(id?: string): Promise<any>;
  /** The fault or the log line that tells what became of it, waited for: for attacks that nobody waits for. */
  fault(withinMs?: number): Promise<Found>;
  /** Lines that the gateway logged of this extension since the attack began. */
  logs(): { level: string; message: string; extension: string }[];
  /** What an owner was asked in this attack's conversations, and denied. */
  asked(): readonly any[];
  /** Its conversation; `send` goes there unless another one is named. */
  readonly session: string;
  /** How many requests reached the loopback server and the socket because of this attack (its path starts with the tool's name). */
  reached(): number;
  sleep(ms: number): Promise<void>;
}

export interface HostileCase extends PackageParts {
  /** Lower case with hyphens, at most 30 characters; unique. */
  readonly id: string;
  /** A sentence's end after "It …", such as `loops for ever in a call`. */
  readonly tries: string;
  readonly phase: Phase;
  /** The tiers it runs in, and what may stop it there; more than one where a race decides. */
  readonly stopped: Partial<Record<Tier, Stop | readonly Stop[]>>;
  /** Parts that depend on the machine outside or on the tier. Laid over the case's own. */
  parts?(facts: Facts, tier: Tier): PackageParts;
  /** Default by phase: `install` and `activate` install it; `hook` installs it and sends a message; all others call its tool. */
  attack?(attack: Attack): Promise<Found>;
  /** More that must hold afterwards; throws when it does not. The common checks are the harness's. */
  check?(attack: Attack, found: Found): Promise<void> | void;
  /** The extension is not blamed because it did nothing that needs blame (it asked and was refused): no fault is expected. */
  readonly blameless?: boolean;
  /** Not beside other attacks. */
  readonly alone?: boolean;
  /** Tiers in which it takes longer than 10 s: there only with PLINTH_HOSTILE=all. */
  readonly slow?: readonly Tier[];
}

export const both = (stop: Stop | readonly Stop[]): HostileCase["stopped"] => ({ isolate: stop, process: stop });
export const by = (stopper: Stopper, code: string): Stop => ({ by: stopper, code });
