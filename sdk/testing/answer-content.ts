import type { ModelEvent, Part } from "../extension/index.ts";

/** What was said, as a transcript keeps it: deltas joined, parts in the place of the deltas before them. */
export function answerContent(events: readonly ModelEvent[]): Part[] {
  const content: Part[] = [];
  let open: "text" | "reasoning" | undefined;
  const whole = (part: Part) => {
    if (open === part.type) content.pop();
    open = undefined;
    content.push(part);
  };
  for (const event of events) {
    if (event.type === "text" || (event.type === "reasoning" && event.part === undefined)) {
      const { delta = "" } = event;
      const last = content.at(-1);
      if (open === event.type && last?.type === event.type) last.text = (last.text ?? "") + delta;
      else content.push({ type: event.type, text: delta });
      open = event.type;
    } else if (event.type === "reasoning") whole(event.part!);
    else if (event.type === "tool-call") whole(event.call);
    else if (event.type === "part") whole(event.part);
  }
  return content;
}
