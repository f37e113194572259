import type { Socket } from "node:net";

export interface RoomLimits {
  /** Connections that have not proven whose they are. */
  strangers: number;
  /** Connections that have. */
  known: number;
  /** How long a stranger may do nothing. */
  strangerMs: number;
}

interface Visit {
  since: number;
  requests: number;
  /** Somebody else watches how long it may take. */
  watched: boolean;
}

const rooms = new WeakMap<Socket, Room>();

/**
 * The connections of one listener, in two budgets: whoever has proven nothing can only push out others of that kind, the
 * one first that has been idle for the longest. So nobody keeps the owner out by being many.
 */
export class Room {
  readonly #limits: RoomLimits;
  /** Both in the order of their last doing. */
  readonly #strangers = new Map<Socket, Visit>();
  readonly #known = new Map<Socket, Visit>();
  readonly #sweep: NodeJS.Timeout;

  constructor(limits: RoomLimits) {
    this.#limits = limits;
    this.#sweep = setInterval(() => this.#dropLate(), Math.min(1_000, limits.strangerMs)).unref();
  }

  /** Where the connection is counted; undefined for one that no room admitted. */
  static of(socket: unknown): Room | undefined {
    return rooms.get(socket as Socket);
  }

  get strangers(): number {
    return this.#strangers.size;
  }

  /** A new connection: somebody gives way when there are too many. */
  admit(socket: Socket): void {
    rooms.set(socket, this);
    // One that waits for us, too, when all do: an answer to a stranger is not worth more than the door.
    if (this.#strangers.size >= this.#limits.strangers) this.#drop(firstIdle(this.#strangers, true) ?? first(this.#strangers));
    this.#strangers.set(socket, { since: performance.now(), requests: 0, watched: false });
    socket.once("close", () => {
      this.#strangers.delete(socket);
      this.#known.delete(socket);
    });
  }

  /** A request begins on it. */
  begin(socket: Socket): void {
    this.#touch(socket, (visit) => (visit.requests += 1));
  }

  /** A request on it has its answer. */
  end(socket: Socket): void {
    this.#touch(socket, (visit) => (visit.requests -= 1));
  }

  /** It has become something with a deadline of its own. */
  watch(socket: Socket): void {
    this.#touch(socket, (visit) => (visit.watched = true));
  }

  /** It has proven whose it is. False when even the room for such connections is full of busy ones. */
  know(socket: Socket): boolean {
    const visit = this.#strangers.get(socket);
    if (visit === undefined) return this.#known.has(socket);
    if (this.#known.size >= this.#limits.known) {
      const idle = firstIdle(this.#known, false);
      if (idle === undefined) return false;
      this.#drop(idle);
    }
    this.#strangers.delete(socket);
    this.#known.set(socket, visit);
    return true;
  }

  /** Let go of everybody who does nothing: strangers, and connections that are kept open for a later request. */
  clear(): void {
    for (const [socket, { requests }] of this.#strangers) if (requests === 0) this.#drop(socket);
    for (const [socket, { requests, watched }] of this.#known) if (requests === 0 && !watched) this.#drop(socket);
  }

  close(): void {
    clearInterval(this.#sweep);
  }

  #touch(socket: Socket, change: (visit: Visit) => void): void {
    for (const visits of [this.#strangers, this.#known]) {
      const visit = visits.get(socket);
      if (visit === undefined) continue;
      visit.since = performance.now();
      change(visit);
      visits.delete(socket);
      visits.set(socket, visit);
    }
  }

  #dropLate(): void {
    const before = performance.now() - this.#limits.strangerMs;
    for (const [socket, { since, requests, watched }] of this.#strangers) {
      if (since > before) return;
      if (requests === 0 && !watched) this.#drop(socket);
    }
  }

  /** Not counted from now on, however long its end takes. */
  #drop(socket: Socket | undefined): void {
    if (socket === undefined) return;
    this.#strangers.delete(socket);
    this.#known.delete(socket);
    socket.destroy();
  }
}

const first = (visits: ReadonlyMap<Socket, Visit>): Socket | undefined => visits.keys().next().value;

function firstIdle(visits: ReadonlyMap<Socket, Visit>, watchedToo: boolean): Socket | undefined {
  let watchedOne: Socket | undefined;
  for (const [socket, { requests, watched }] of visits) {
    if (requests === 0 && !watched) return socket;
    if (requests === 0) watchedOne ??= socket;
  }
  return watchedToo ? watchedOne : undefined;
}
