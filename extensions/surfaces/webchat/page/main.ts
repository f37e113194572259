import { Asked } from "./asked.ts";
import { Completion } from "./completion.ts";
import { Conversation } from "./conversation.ts";
import { byId } from "./dom.ts";
import { type Failure, Gateway, type State } from "./gateway.ts";
import { Sessions } from "./sessions.ts";
import { askToken, takeToken } from "./token.ts";

const STATES: Record<State, string> = {
  connecting: "Connecting",
  online: "Connected",
  offline: "Offline, trying again",
  refused: "Not signed in",
};

const log = byId("log");
const field = byId<HTMLTextAreaElement>("message");
const send = byId<HTMLButtonElement>("send");
const stop = byId<HTMLButtonElement>("stop");
const latest = byId<HTMLButtonElement>("latest");
const state = byId("state");

const gateway = new Gateway(onState);
const sessions = new Sessions(gateway, byId<HTMLSelectElement>("session"), show);
const completion = new Completion(field, byId("commands"));
const asked = new Asked(gateway, byId("asked"), {
  onAsked: (card) => {
    conversations.get(card.request.sessionKey)?.place(card.node);
    asked.show(sessions.current);
  },
  onTold: (text) => {
    announce(text);
    asked.show(sessions.current);
  },
  onChoose: (key) => {
    sessions.choose(key);
    show();
  },
});
const conversations = new Map<string, Conversation>();
let shown: Conversation | undefined;
let follows = true;

function onState(now: State, failure?: Failure): void {
  state.textContent = STATES[now];
  state.dataset.state = now;
  enable();
  if (now === "online") {
    for (const conversation of conversations.values()) conversation.stale = true;
    show();
    asked.watch();
    void refresh();
  } else if (now === "refused") void askToken(failure && `${failure.message} ${failure.next ?? ""}`).then((token) => gateway.connect(token));
}

/** Show the session that is chosen; others go on in the background. */
function show(): void {
  const key = sessions.current;
  let conversation = conversations.get(key);
  if (conversation === undefined) {
    const made: Conversation = new Conversation(key, gateway, {
      onGrow: () => made === shown && keepInView(),
      waiting: () => asked.of(key),
      onRunning: () => made === shown && enable(),
      onAnswer: (text) => {
        if (made === shown) announce(text);
        void refresh();
      },
    });
    conversation = made;
    conversations.set(key, made);
  }
  follows = true;
  shown = conversation;
  log.replaceChildren(conversation.node);
  asked.show(key);
  enable();
  void conversation.load();
}

/** What a turn may have changed: the sessions there are, and after an install the commands. */
async function refresh(): Promise<void> {
  await sessions.refresh();
  const answer = await gateway.ask<{ commands: [] }>("commands.list").catch(() => undefined);
  if (answer !== undefined) completion.commands = answer.commands;
}

function enable(): void {
  const online = state.dataset.state === "online";
  send.disabled = !online || field.value.trim() === "";
  stop.hidden = shown?.running !== true;
}

/** The whole answer at once when it is there: a reader that speaks every token is of no use. */
function announce(text: string): void {
  byId("live").textContent = text.slice(0, 5_000);
}

function keepInView(): void {
  if (follows) log.scrollTop = log.scrollHeight;
  latest.hidden = follows;
}

function grow(): void {
  field.style.height = "auto";
  field.style.height = `${Math.min(field.scrollHeight, 240)}px`;
}

function submit(): void {
  const text = field.value.trim();
  if (text === "" || state.dataset.state !== "online" || shown === undefined) return;
  field.value = "";
  completion.close();
  grow();
  follows = true;
  void shown.send(text);
  enable();
}

log.addEventListener("scroll", () => {
  follows = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
  latest.hidden = follows || shown?.running !== true;
});
// A block that opens or an image that loads moves the end as well.
new ResizeObserver(keepInView).observe(log);
latest.addEventListener("click", () => {
  follows = true;
  keepInView();
});
field.addEventListener("input", () => {
  grow();
  enable();
});
field.addEventListener("keydown", (event) => {
  if (completion.key(event)) return;
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  submit();
});
byId("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  submit();
  field.focus();
});
stop.addEventListener("click", () => {
  void shown?.stop();
  field.focus();
});
byId("new-session").addEventListener("click", () => {
  sessions.begin();
  show();
  field.focus();
});
// A link with a token may be opened in a tab that is here already.
addEventListener("hashchange", () => {
  const given = takeToken();
  if (given !== null) gateway.connect(given);
});

let token = takeToken();
if (token === null) {
  state.textContent = STATES.refused;
  state.dataset.state = "refused";
  token = await askToken();
}
gateway.connect(token);
field.focus();
