import { type Client, CREDENTIAL_WORDS, type Credential, PlinthError } from "@plinth/sdk";
import { type Cell, plain, renderTable } from "../table.ts";
import type { OwnCommand, Run } from "./command.ts";

type Add = Parameters<Client<"plinth.credentials">["add"]>[0];

/** Those that were added or are set; of one vendor, all. */
export const authList: OwnCommand = async (run) => {
  const vendor = run.arg("vendor");
  const agent = run.option("agent");
  const asked = { ...(vendor === undefined ? {} : { vendor }), ...(agent === undefined ? {} : { agent }) };
  const { credentials } = await slot(run).list(asked);
  const shown = credentials.filter(({ reason, given }) => vendor !== undefined || reason !== "missing" || given !== true);
  if (shown.length > 0) await run.out(credentialTable(run, shown));
  else await run.out(`None is set${vendor === undefined ? "" : ` for ${plain(vendor)}`}: plinth init, or plinth models auth add --help\n`);
  await run.result({ credentials: shown });
};

export function credentialTable(run: Run, all: readonly Credential[]): string {
  const rows = all.map((one): (string | Cell)[] => [one.id, one.kind, one.from ?? "", stateCell(one), detailOf(one)]);
  return renderTable(["NAME", "KIND", "FROM", "STATE", "DETAIL"], rows, run.terminal);
}

export function stateCell({ reason, untried }: Credential): Cell {
  if (reason === "ok") return untried === true ? { text: "not tried", style: "yellow" } : { text: "ready", style: "green" };
  return { text: reason, style: reason === "missing" ? "dim" : "red" };
}

/** A narrow terminal cuts its end: what has to be done, and until when, goes first. */
function detailOf({ reason, vendor, from = "", title, agent, until, expiresAt, usedAt }: Credential): string {
  const at = (word: string, time: number | undefined) => (time === undefined || time > 8.64e15 ? undefined : `${word} ${moment(time)}`);
  const does: Readonly<Record<string, string>> = {
    "sign-in": `plinth models auth login ${vendor}`,
    unresolved: `the ${from} gives nothing`,
    disabled: "refused",
  };
  const whose = agent === undefined ? undefined : `for ${agent}`;
  return [does[reason], at("until", until), at("ends", expiresAt), whose, title, at("used", usedAt)].filter((word) => word !== undefined).join(", ");
}

/** Why one cannot be used, what has to be done first. */
export function whyNot(one: Credential): string {
  const why = `it ${CREDENTIAL_WORDS[one.reason] ?? one.reason}`;
  const { reason, until, vendor, from = "" } = one;
  if (until !== undefined && until <= 8.64e15) return `until ${moment(until)}: ${why}`;
  return reason === "sign-in" ? `plinth models auth login ${vendor}` : reason === "unresolved" ? `the ${from} gives nothing` : why;
}

const moment = (time: number): string => new Date(time).toISOString().slice(0, 16).replace("T", " ");

export const authAdd: OwnCommand = async (run) => {
  const vendor = run.arg("vendor") as string;
  const [name, title, agent] = [run.option("name"), run.option("title"), run.option("agent")];
  const from = reference(run);
  const expiresAt = dateOf(run);
  const { credential } = await slot(run).add({
    ...{ vendor, from, kind: "key" },
    ...(name === undefined ? {} : { id: idOf(vendor, name) }),
    ...(title === undefined ? {} : { title }),
    ...(agent === undefined ? {} : { agent }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  });
  const use = credential.usable ? `is used for ${plain(vendor)} from now on` : `is kept for ${plain(vendor)}`;
  await run.out(`${run.paint.bold(plain(credential.id))} ${use} (${plain(credential.from ?? "")}).\n`);
  if (credential.untried === true)
    await run.err(`${run.paint.yellow("note:")} it was not tried yet.\n  next: plinth models status ${plain(vendor)} --probe\n`);
  await problem(run, credential);
  await run.result({ credential });
};

/** By its beginning, or by a long run of letters and digits mixed, which no name of a secret or program has. */
const KEY = /^sk-|(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9]{20,}/;

/** Exactly one way to say where the value is. */
function reference(run: Run): Add["from"] {
  const [secret, login, keyring, program] = [run.option("secret"), run.option("from"), run.option("keyring"), run.args.program];
  const command = typeof program === "string" ? [program] : program;
  // Without naming it: what is shown or kept of a mistake is not a key.
  if ([secret, keyring, command?.length === 1 ? command[0] : undefined].some((word) => word !== undefined && KEY.test(word)))
    throw new PlinthError("PLINTH_USAGE", "That looks like a key itself, and keys are not given on a command line. Nothing was kept of it.", {
      next: "Keep it under a name, which asks for it: plinth init --secret NAME. Then add that: --secret NAME. A key that a shell's history has is best replaced.",
    });
  const given: Add["from"][] = [
    ...(secret === undefined ? [] : [{ secret }]),
    ...(login === undefined ? [] : [{ login }]),
    ...(keyring === undefined ? [] : [{ keyring }]),
    ...(command === undefined || command.length === 0 ? [] : [{ command }]),
  ];
  if (given.length === 1) return given[0] as Add["from"];
  throw new PlinthError("PLINTH_USAGE", given.length === 0 ? "It is not said where the key is." : "More than one place is named for the key.", {
    next: "Give one of --secret NAME, --from PROGRAM, --keyring ACCOUNT, or a program after --.",
  });
}

function dateOf(run: Run): number | undefined {
  const text = run.option("expires");
  if (text === undefined) return undefined;
  const time = Date.parse(text);
  if (Number.isFinite(time) && time > 0) return time;
  throw new PlinthError("PLINTH_USAGE", `--expires is "${text}", which is no date.`, { next: "Give one such as --expires 2027-01-31." });
}

/** What is added is kept whether or not it can be used yet. */
async function problem(run: Run, { id, vendor, from, usable, reason, secret }: Credential): Promise<void> {
  if (usable) return;
  await run.err(`${run.paint.yellow("note:")} it ${CREDENTIAL_WORDS[reason] ?? reason}.\n`);
  if (reason === "missing" && secret !== undefined)
    await run.err(`  next: set ${plain(secret)} in the environment, or: plinth init --secret ${plain(secret)}\n`);
  if (reason === "left-out")
    await run.err(`  next: plinth models auth order ${plain(vendor)} NAME … names it too; without names the order is the automatic one again.\n`);
  if (reason === "unresolved")
    await run.err(
      `  next: see to the ${plain(from ?? "place")}, then try it: plinth models status ${plain(vendor)} --probe. Or: plinth models auth logout ${plain(vendor)} ${plain(id.slice(vendor.length + 1))}\n`,
    );
}

export const authLogin: OwnCommand = async (run) => {
  const vendor = run.arg("vendor") as string;
  const [flow, name, agent] = [run.option("flow"), run.option("name"), run.option("agent")];
  if (flow !== undefined && flow !== "device" && flow !== "browser")
    throw new PlinthError("PLINTH_USAGE", `--flow is "${flow}".`, { next: "Give --flow device or --flow browser." });
  const asked = {
    vendor,
    ...(flow === undefined ? {} : { flow: flow as "device" | "browser" }),
    ...(name === undefined ? {} : { id: idOf(vendor, name) }),
    ...(agent === undefined ? {} : { agent }),
  };
  for await (const item of slot(run).login(asked, { signal: run.signal })) {
    if (item.type === "visit") {
      await run.err(`Open ${plain(item.url)}\n${item.code === undefined ? "" : `and type ${run.paint.bold(plain(item.code))}\n`}`);
      await run.err(run.paint.dim(`waiting until ${moment(item.expiresAt)} …\n`));
    } else if (item.type === "done") {
      await run.out(`Signed in: ${run.paint.bold(plain(item.credential.id))} is used for ${plain(vendor)} from now on.\n`);
      await run.result({ credential: item.credential });
    }
  }
};

export const authOrder: OwnCommand = async (run) => {
  const vendor = run.arg("vendor") as string;
  const agent = run.option("agent");
  const { names = [] } = run.args;
  const ids = (typeof names === "string" ? [names] : names).map((name) => idOf(vendor, name));
  await slot(run).order({ vendor, ids, ...(agent === undefined ? {} : { agent }) });
  const { credentials } = await slot(run).list({ vendor, ...(agent === undefined ? {} : { agent }) });
  await run.out(ids.length === 0 ? `The order of ${plain(vendor)} is the automatic one.\n` : credentialTable(run, credentials));
  await run.result({ credentials });
};

export const authLogout: OwnCommand = async (run) => {
  const vendor = run.arg("vendor") as string;
  const name = run.arg("name");
  const { credentials } = await slot(run).list({ vendor });
  // A vendor's own key is not added, and is taken away where it is set.
  const id = name === undefined ? onlyOne(vendor, credentials) : idOf(vendor, name);
  const { removed, revoked } = await slot(run).remove({ id });
  if (!removed)
    throw new PlinthError("PLINTH_CREDENTIAL_UNKNOWN", `Nothing of that name was added for ${vendor}.`, {
      next: `plinth models auth list ${vendor}; a key that is a secret of the vendor's own name is taken out of the environment or secrets.json.`,
    });
  await run.out(
    `${plain(id)} is forgotten${revoked === undefined ? "" : revoked ? ", and the vendor took its token back" : "; the vendor did not take its token back"}.\n`,
  );
  await run.result({ removed, ...(revoked === undefined ? {} : { revoked }) });
};

function onlyOne(vendor: string, all: readonly Credential[]): string {
  const signed = all.filter(({ kind }) => kind === "oauth");
  const those = signed.length > 0 ? signed : all.filter(({ given }) => given !== true);
  if (those.length === 1) return (those[0] as Credential).id;
  throw new PlinthError("PLINTH_USAGE", those.length === 0 ? `Nobody signed in at ${vendor}, and nothing was added.` : `${vendor} has several.`, {
    next:
      those.length === 0
        ? "plinth models auth list shows what there is."
        : `Name one: plinth models auth logout ${vendor} NAME (plinth models auth list ${vendor}).`,
  });
}

const idOf = (vendor: string, name: string): string => (name.startsWith(`${vendor}:`) ? name : `${vendor}:${name}`);

function slot(run: Run): Client<"plinth.credentials"> {
  return run.ctx.use("plinth.credentials").one();
}
