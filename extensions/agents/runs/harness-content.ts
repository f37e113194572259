import { type Capability, type Descriptor, type ModelMessage, type Part, partsFor, partsFrom, textOf } from "@plinth/sdk";

/** Who runs a turn's loop. */
export interface Harness {
  readonly extension: string;
  /** The product's own hands on what providers made, each its own; anybody else's opaque parts are its own and nobody else's. */
  readonly trusted: boolean;
  /** extension/harness */
  readonly maker: string;
  /** Takes in what is said while it runs. */
  readonly steers: boolean;
  /** Takes tools and options of whoever asks. */
  readonly handsOut: boolean;
  /** Has tools of its own, and says so. */
  readonly ownsTools: boolean;
}

export function harnessOf(
  all: readonly Pick<Capability<Descriptor<"plinth.harness">>, "id" | "extension" | "trusted" | "descriptor">[],
  id: string,
): Harness {
  const found = all.find((one) => one.id === id);
  const extension = found?.extension ?? id;
  const { steers = false, handsOut = false, declares } = found?.descriptor ?? {};
  return { extension, trusted: found?.trusted ?? false, maker: `${extension}/${id}`, steers, handsOut, ownsTools: declares?.tools === "owned" };
}

/** The conversation as a harness may read it. */
export function messagesFor(messages: readonly ModelMessage[], { trusted, maker }: Harness): ModelMessage[] {
  if (trusted) return [...messages];
  return messages.map((message) => {
    const content = partsFor(message.content, maker);
    return content === message.content ? message : { ...message, content };
  });
}

/** A message as it is kept when a harness hands it over. */
export function messageFrom(message: ModelMessage, { trusted, maker }: Harness): ModelMessage {
  const { origin: _, ...rest } = message;
  return trusted ? rest : { ...rest, content: partsFrom(message.content, maker) };
}

/** An answer's parts with the text that may be sent. What was changed is no longer what its model wrote: nothing else hangs on it. */
export function checkedContent(content: readonly Part[], text: string): Part[] {
  if (textOf(content) === text) return content.filter((part) => part.type !== "text" || part.text !== "");
  const first = content.findIndex(isSaid);
  const at = first < 0 ? content.length : first;
  const said: Part[] = text === "" ? [] : [{ type: "text", text }];
  return [...content.slice(0, at), ...said, ...content.slice(at).filter((part) => !isSaid(part))];
}

const isSaid = ({ type }: Part): boolean => type === "text" || type === "refusal" || type === "citation";

/** The parts for those who follow the turn; undefined where the text is all. */
export function surfaceContent(content: readonly Part[]): Part[] | undefined {
  return content.some(({ type }) => type !== "text") ? partsFor(content, undefined) : undefined;
}
