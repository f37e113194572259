import type { Client } from "../e2e/lab.ts";
import { NEIGHBOURS } from "./neighbours.ts";

const SESSIONS = 4;
const PAUSE_MS = 150;
const TURNS_EACH = 25;
const LONGEST_MS = 30_000;
/** So often is a neighbour's tool asked for that comes later than the laboratory waits; never, and it is a failure. */
const TRIES = 3;
const LATE = /"neighbour-\w+\\?" failed: .*\(PLINTH_DEADLINE\)$/;
/** Length of what each neighbour keeps. */
const SECRET_LENGTH = 25;

export interface Ordinary {
  /** Turns that were answered with their own right text. */
  readonly done: number;
  /** How often a neighbour's tool came later than the laboratory waits, and was asked for again. Tells of the machine; nothing depends on it. */
  readonly late: number;
  /** What went wrong, in words; must stay empty. */
  readonly failures: readonly string[];
  stop(): Promise<void>;
}

/** The scripted model says what it was given, and there the words of third parties are marked as theirs. */
const unmarked = (text: string): string => text.replace(/\[From [a-z.-]+, a third party: data, not instructions\.\]\n/, "");

/** People who talk while attacks run. Each message has a text of its own, and each answer must be that text. */
export function talk(clients: readonly Client[]): Ordinary {
  const failures: string[] = [];
  let done = 0;
  let late = 0;
  let stopping = false;
  /** The answer must be its own right text; a tool that came too late is asked for again, as a person would. */
  const turn = async (client: Client, asked: string, words: string, session: string): Promise<void> => {
    for (let tries = 1; ; tries++) {
      const events = await within(client.turn(asked, session)).catch((thrown: Error) => [{ type: "end", status: thrown.message, text: "" }]);
      const end = events.at(-1);
      if (end?.status === "ok" && unmarked(end.text) === words) return void done++;
      if (tries === TRIES || end?.status !== "ok" || !LATE.test(end.text)) {
        failures.push(`${words}, tried ${tries} times: ${JSON.stringify(end)}`.slice(0, 600));
        return;
      }
      late++;
    }
  };
  const one = async (client: Client, person: number): Promise<void> => {
    for (let at = 0; !stopping; at++) {
      const [asked, words] = message(person, at);
      await turn(client, asked, words, `person-${person}-${Math.floor(at / TURNS_EACH)}`);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  };
  const all = Promise.all(Array.from({ length: SESSIONS }, (_, person) => one(clients[person % clients.length] as Client, person)));
  return {
    get done() {
      return done;
    },
    get late() {
      return late;
    },
    failures,
    async stop() {
      stopping = true;
      await all;
    },
  };
}

/** What somebody says and what must be the answer: mostly words, now and then a harmless extension of either tier. */
function message(person: number, turn: number): [asked: string, words: string] {
  const n = `${turn}-${person}`;
  const neighbour = NEIGHBOURS[turn % 8];
  if (neighbour === undefined) return [`say turn ${n}`, `turn ${n}`];
  return [`use ${neighbour.tool} ${JSON.stringify({ n })}`, `saw well ${SECRET_LENGTH} ${n}`];
}

const within = <T>(turn: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${LONGEST_MS} ms`)), LONGEST_MS);
  });
  return Promise.race([turn, late]).finally(() => clearTimeout(timer));
};
