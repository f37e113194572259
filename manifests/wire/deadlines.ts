const TICK_MS = 25;

export interface Deadline {
  due: number;
  expire: (() => void) | null;
  next: Deadline | null;
  previous: Deadline | null;
  list: List;
}

interface List {
  head: Deadline | null;
  tail: Deadline | null;
}

/**
 * Deadlines by the thousand for the price of a list insertion: all waits of one length form a queue that is sorted by
 * itself, and one timer looks at the heads. Resolution 25 ms; a deadline never fires early.
 */
const lists = new Map<number, List>();
let tick = 0;
let timer: NodeJS.Timeout | null = null;

export function addDeadline(ms: number, expire: () => void): Deadline {
  let list = lists.get(ms);
  if (list === undefined) lists.set(ms, (list = { head: null, tail: null }));
  const deadline: Deadline = { due: tick + Math.ceil(ms / TICK_MS) + 1, expire, next: null, previous: list.tail, list };
  if (list.tail === null) list.head = deadline;
  else list.tail.next = deadline;
  list.tail = deadline;
  if (timer === null) timer = setInterval(check, TICK_MS).unref();
  return deadline;
}

export function removeDeadline(deadline: Deadline): void {
  if (deadline.expire === null) return;
  deadline.expire = null;
  const { list, next, previous } = deadline;
  if (previous === null) list.head = next;
  else previous.next = next;
  if (next === null) list.tail = previous;
  else next.previous = previous;
}

function check(): void {
  tick++;
  let waiting = false;
  for (const [ms, list] of lists) {
    while (list.head !== null && list.head.due <= tick) {
      const expire = list.head.expire;
      removeDeadline(list.head);
      expire?.();
    }
    if (list.head !== null) waiting = true;
    else if (lists.size > 64) lists.delete(ms);
  }
  if (!waiting && timer !== null) {
    clearInterval(timer);
    timer = null;
  }
}
