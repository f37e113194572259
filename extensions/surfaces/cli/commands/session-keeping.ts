import { PlinthError, type SessionInfo } from "@plinth/sdk";
import { plain } from "../table.ts";
import { type OwnCommand, type Run, wholeNumber } from "./command.ts";

export const sessionsFork: OwnCommand = async (run) => {
  const [to, at, title] = [run.option("to"), run.option("at"), run.option("title")];
  const asked = { sessionKey: run.arg("session") as string, ...(to && { to }), ...(at && { at }), ...(title && { title }) };
  const { session } = await method<{ session: SessionInfo }>(run, "sessions.fork", asked);
  await run.out(`${plain(session.key)} has what was said there, and each goes on by itself.\n`);
  await run.result({ session });
};

export const sessionsLabel: OwnCommand = async (run) => {
  const key = run.arg("session") as string;
  const { session } = await store(run).update({ key, labels: [run.args.labels ?? []].flat() as string[] });
  const labels = session.labels ?? [];
  await run.out(labels.length === 0 ? `${plain(key)} has no labels any more.\n` : `${plain(key)} has: ${labels.map(plain).join(", ")}\n`);
  await run.result({ session });
};

export const sessionsArchive: OwnCommand = (run) => archived(run, true);
export const sessionsUnarchive: OwnCommand = (run) => archived(run, false);

async function archived(run: Run, isArchived: boolean): Promise<void> {
  const key = run.arg("session") as string;
  const { session } = await store(run).update({ key, archived: isArchived });
  await run.out(`${plain(key)} is ${isArchived ? "archived" : "in the list again"}.\n`);
  await run.result({ session });
}

/** Says what would be deleted, unless told to do it: both ask the store the same. */
export const sessionsCleanup: OwnCommand = async (run) => {
  const [enforce, dry, all] = [run.options.enforce === true, run.options["dry-run"] === true, run.options.all === true];
  if (enforce && dry) throw new PlinthError("PLINTH_USAGE", "--dry-run only says what --enforce does.", { next: "Give one of both." });
  const days = wholeNumber(run, "days", 30, 36_500);
  const { keys, bytes } = await method<{ keys: string[]; bytes: number }>(run, "sessions.cleanup", { days, all, enforce });
  const kind = all ? "sessions" : "archived sessions";
  if (keys.length === 0) await run.out(`There are no ${kind} that have not changed for ${days === 1 ? "a day" : `${days} days`}.\n`);
  else {
    await run.out(keys.map((key) => `${plain(key)}\n`).join(""));
    const many = `${keys.length === 1 ? "One session" : `${keys.length} sessions`}, ${Math.ceil(bytes / 1_024)} KiB`;
    await run.out(enforce ? `${many}: deleted for good.\n` : `${many}: to delete them for good, use --enforce.\n`);
  }
  await run.result({ status: enforce ? "deleted" : "dry-run", keys, bytes });
};

const store = (run: Run) => run.ctx.use("plinth.session-store").one();

/** Where more than the store knows of a session, such as the model that was chosen for it. */
export const method = async <T>(run: Run, id: string, input: object): Promise<T> =>
  (await run.ctx.use("plinth.gateway-method").get(id).call(input, { signal: run.signal })) as T;
