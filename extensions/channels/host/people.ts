import { randomBytes } from "node:crypto";
import { type Address, type InboundItem, PlinthError } from "@plinth/sdk";
import { addressText, askPairing, findPairing, type Pairing, pairingCode, parseAddress, type Standing } from "@plinth/sdk/kits/channel";
import type { Database } from "./database.ts";

/** Somebody, or a group, of whom the owner has decided something. */
export interface Known {
  address: string;
  standing: Exclude<Standing, "unknown">;
  name?: string;
  at: number;
}

/** Somebody who waits for the owner's decision. */
export interface Asking {
  code: string;
  who: string;
  name?: string;
  expiresAt: number;
}

const RULES = { ttlMs: 3_600_000, most: 20 };

/** Who may talk to the agents. Nobody but the owner of this host decides it; a channel only says who somebody is. */
export class People {
  readonly #db: Database;
  readonly #now: () => number;

  constructor(db: Database, now: () => number) {
    this.#db = db;
    this.#now = now;
  }

  standing(address: string): Standing {
    return (this.#db.get("SELECT standing FROM standings WHERE address = ?", address)?.standing as Standing | undefined) ?? "unknown";
  }

  known(): Known[] {
    return this.#db.all("SELECT * FROM standings ORDER BY address").map(({ address, standing, name, at }) => ({
      address: String(address),
      standing: standing as Known["standing"],
      ...(name === null ? {} : { name: String(name) }),
      at: Number(at),
    }));
  }

  asking(): Asking[] {
    return this.#db.all("SELECT * FROM pairings WHERE expires > ? ORDER BY expires", this.#now()).map(({ code, who, name, expires }) => ({
      code: String(code),
      who: String(who),
      ...(name === null ? {} : { name: String(name) }),
      expiresAt: Number(expires),
    }));
  }

  /** A code for a stranger; undefined where too many wait already. */
  ask(channel: string, who: string, name: string | undefined): Pairing | undefined {
    return this.#db.write(() => {
      this.#db.run("DELETE FROM pairings WHERE expires <= ?", this.#now());
      const held = this.#db
        .all("SELECT code, who, expires FROM pairings WHERE channel = ?", channel)
        .map(({ code, who, expires }) => ({ code: String(code), who: String(who), expiresAt: Number(expires) }));
      const { pairing, isNew } = askPairing(held, who, this.#now(), RULES, () => pairingCode(randomBytes(64)));
      if (pairing !== undefined && isNew)
        this.#db.run("INSERT INTO pairings VALUES (?, ?, ?, ?, ?)", pairing.code, channel, who, name ?? null, pairing.expiresAt);
      return pairing;
    });
  }

  /** The owner lets in whoever has this code. */
  pair(typed: string, standing: "owner" | "guest"): Known {
    const found = findPairing(this.asking(), typed, this.#now());
    const asked = this.asking().find(({ code }) => code === found?.code);
    if (asked === undefined)
      throw new PlinthError("PLINTH_PAIRING_UNKNOWN", "There is no such code, or it is too old.", {
        next: "`plinth channels pair` shows who waits. A code is valid for an hour; whoever writes again gets another one.",
      });
    return this.decide(asked.who, standing, asked.name);
  }

  decide(address: string, standing: Known["standing"], name?: string): Known {
    const { peer } = checked(address);
    if (standing === "owner" && peer.kind !== "person")
      throw new PlinthError("PLINTH_USAGE", "Only a person can be the owner.", { next: "Allow the group, and link the owner's own address." });
    const at = this.#now();
    this.#db.write(() => {
      const sql =
        "INSERT INTO standings VALUES (?1, ?2, ?3, ?4) ON CONFLICT (address) DO UPDATE SET standing = ?2, name = coalesce(?3, name), at = ?4";
      this.#db.run(sql, address, standing, name ?? null, at);
      this.#db.run("DELETE FROM pairings WHERE who = ?", address);
    });
    return this.known().find((one) => one.address === address) as Known;
  }

  forget(address: string): boolean {
    checked(address);
    return this.#db.run("DELETE FROM standings WHERE address = ?", address) > 0;
  }
}

function checked(text: string): Address {
  const address = parseAddress(text);
  if (address !== undefined && address.thread === undefined) return address;
  throw new PlinthError("PLINTH_USAGE", `${JSON.stringify(text.slice(0, 200))} is no address.`, {
    next: "Write it as `plinth channels people` shows it, such as chat/default/person/ada.",
  });
}

/** Whoever sent an item, as one text. */
export function senderText({ address, sender }: InboundItem): string {
  return addressText({ channel: address.channel, account: address.account, peer: { kind: "person", id: sender?.id ?? "nobody" } });
}

/** The conversation's group or channel, without its thread. */
export const placeText = ({ channel, account, peer }: Address): string => addressText({ channel, account, peer });
