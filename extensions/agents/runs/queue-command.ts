import type { Provider } from "@plinth/sdk";
import { assertOwner } from "./own-commands.ts";
import { parseQueue, type QueueConfig, queueWords, settingsFor } from "./queue-settings.ts";
import type { SessionChoices } from "./session-choices.ts";

type Run = Provider<"plinth.chat-command">["run"];

/** `/queue`: what becomes of messages while this conversation is busy. It holds from the next message on. */
export function queueCommand(choices: SessionChoices, config: QueueConfig): Run {
  return async function* queue({ args, sessionKey }, call) {
    if (call.work !== undefined) assertOwner(call);
    const { queue: before } = await choices.of(sessionKey);
    const said = args.trim().toLowerCase();
    if (said === "default" || said === "reset") await choices.set(sessionKey, { queue: null });
    else if (said !== "") await choices.set(sessionKey, { queue: queueWords({ ...parseQueue(before ?? ""), ...parseQueue(said) }) });
    yield { text: shown((await choices.of(sessionKey)).queue, config, said !== "") };
  };
}

function shown(queue: string | undefined, config: QueueConfig, changed: boolean): string {
  const session = parseQueue(queue ?? "");
  const { mode, debounceMs, cap, drop } = settingsFor({ ...config, byChannel: {} }, "", { inline: undefined, session });
  const whose = (name: keyof typeof session): string => (session[name] === undefined ? "" : " (chosen for this conversation)");
  const channels = Object.entries(config.byChannel ?? {}).map(
    ([surface, choice]) => `- From \`${surface}\`, where nothing is chosen here: \`${queueWords(choice)}\``,
  );
  return [
    ...(changed ? ["From the next message on:", ""] : []),
    `- While this conversation is busy, a message ${WHAT[mode]}: \`${mode}\`${whose("mode")}`,
    `- ${debounceMs === 0 ? "Each message is taken by itself" : `What is said within ${debounceMs} ms is taken together`}${whose("debounceMs")}`,
    `- Up to ${cap} wait${whose("cap")}; of more ${DROPPED[drop]}: \`${drop}\`${whose("drop")}`,
    ...channels,
    ...(changed ? [] : ["", "`/queue collect debounce:0.5s cap:25 drop:summarize` chooses, `/queue default` takes that back."]),
  ].join("\n");
}

const WHAT = {
  followup: "has a turn of its own afterwards",
  collect: "is answered together with the others that wait",
  interrupt: "ends what runs and waits",
  steer: "is said into the running turn, where it can be",
};
const DROPPED = { old: "the oldest goes", new: "the new one goes", summarize: "the oldest becomes a line of one message that comes afterwards" };
