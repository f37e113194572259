import { errorInfo, type ModelChoice, type ModelRequest, type ModelTool } from "@plinth/sdk";
import { outgoing, toolRefusal } from "@plinth/sdk/kits/model-api";

/** So long what a server refused is not sent to it again: whoever mends a tool or a server does not wait for a restart. */
const REST_MS = 3_600_000;
/** Models of which something is kept. */
const MOST_MODELS = 256;

type Request = Omit<ModelRequest, "model">;

/** One model at one server. */
export const lessonKey = ({ maker, model }: Pick<ModelChoice, "maker" | "model">): string => `${maker} ${model}`;

/** Something that is not sent for a while. */
interface Lesson {
  readonly until: number;
  /** The server's words, bounded. */
  readonly why: string;
}

/** A tool that a model's server refused. */
export interface Refused extends Lesson {
  readonly tool: string;
  /** Absent: it came with a message. */
  readonly extension?: string | undefined;
  /** provider/model */
  readonly model: string;
}

interface Lessons {
  none?: Lesson;
  most?: Lesson & { readonly count: number };
  /** By the tool as it was said; one that says something else of itself is tried anew. */
  readonly tools: Map<string, Refused>;
}

/** One thing that is done otherwise from now on, as people are told of it. */
export interface Told {
  readonly message: string;
  readonly tool?: ModelTool;
}

/** What servers refused of tools, by model: the rest of a request goes on without it. */
export class ToolLessons {
  readonly #of = new Map<string, Lessons>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** How many tools the model takes, where its server said so. */
  most(model: string): number | undefined {
    return this.#fresh(this.#of.get(model)?.most)?.count;
  }

  /** The request without what this model's server is known to refuse. The model is told what it cannot call. */
  fitted(model: string, request: Request): Request {
    const { tools = [] } = request;
    const lessons = this.#of.get(model);
    if (lessons === undefined || request.onUnsupported !== "drop") return request;
    if (this.#fresh(lessons.none) !== undefined) return withoutTools(request);
    const left = tools.filter((tool) => this.#fresh(lessons.tools.get(keyOf(tool))) !== undefined);
    const kept = left.length === 0 ? tools : tools.filter((tool) => !left.includes(tool));
    const most = this.most(model) ?? kept.length;
    if (kept.length === 0) return withoutTools(request);
    if (left.length === 0 && kept.length <= most) return request;
    return told(narrowed(request, kept.slice(0, most)), left, kept.slice(most), most);
  }

  /**
   * What a refusal teaches, kept for a while; none: nothing, and the refusal stands.
   *
   * @param sent the request as this model was sent it
   */
  learn(model: string, name: string, sent: Request, thrown: unknown): Told[] {
    const { tools = [] } = sent;
    if (sent.onUnsupported !== "drop") return [];
    const said = toolRefusal(
      thrown,
      tools.map((tool) => tool.name),
    );
    if (said === undefined) return [];
    const why = errorInfo(thrown).message.slice(0, 500);
    const lesson = { until: this.#now() + REST_MS, why };
    const lessons = this.#kept(model);
    if (said.none) {
      lessons.none = lesson;
      return [{ message: `${name} takes no tools, so it was asked without them. ${why}` }];
    }
    if (said.most !== undefined) {
      lessons.most = { ...lesson, count: said.most };
      return [{ message: `${name} takes at most ${said.most} tools of ${tools.length}, so the rest was left out. ${why}` }];
    }
    return (said.tools ?? []).flatMap((refused) => {
      const tool = tools.find((one) => one.name === refused);
      if (tool === undefined) return [];
      lessons.tools.set(keyOf(tool), { ...lesson, tool: tool.name, extension: tool.extension, model: name });
      return [{ tool, message: `${ownerOf(tool)} was refused by ${name} and is left out for an hour. ${why}` }];
    });
  }

  /** A tool that was found to be what a server refuses, which did not name it. */
  found(model: string, name: string, tool: ModelTool, thrown: unknown): Told {
    const why = errorInfo(thrown).message.slice(0, 500);
    const lesson = { until: this.#now() + REST_MS, why, tool: tool.name, extension: tool.extension, model: name };
    this.#kept(model).tools.set(keyOf(tool), lesson);
    return { tool, message: `${ownerOf(tool)} is what ${name} refuses, as was found by trying, and is left out for an hour. ${why}` };
  }

  /** All that are left out now. */
  refused(): Refused[] {
    return [...this.#of.values()].flatMap(({ tools }) => [...tools.values()]).filter((one) => this.#fresh(one) !== undefined);
  }

  #fresh<L extends Lesson>(lesson: L | undefined): L | undefined {
    return lesson !== undefined && lesson.until > this.#now() ? lesson : undefined;
  }

  #kept(model: string): Lessons {
    const lessons = this.#of.get(model) ?? { tools: new Map() };
    this.#of.delete(model);
    this.#of.set(model, lessons);
    if (this.#of.size > MOST_MODELS) this.#of.delete(this.#of.keys().next().value as string);
    return lessons;
  }
}

const keyOf = ({ name, description, input }: ModelTool): string => JSON.stringify([name, description, input]);

const ownerOf = ({ name, extension }: ModelTool): string =>
  extension === undefined ? `The tool "${name}"` : `The tool "${name}" of the extension ${extension}`;

/** What was called before is told as text: a model without tools has no other form for it. */
function withoutTools(request: Request): Request {
  const { tools: _, toolChoice: __, parallelTools: ___, ...rest } = outgoing({ ...request, model: "" }, { tools: false }).request;
  return told(rest, request.tools ?? []);
}

function narrowed(request: Request, tools: ModelTool[]): Request {
  const { toolChoice, ...rest } = request;
  const isOffered = typeof toolChoice !== "object" || tools.some(({ name }) => name === toolChoice.name);
  return { ...rest, tools, ...(toolChoice === undefined || !isOffered ? {} : { toolChoice }) };
}

/** Names alone: what a tool says of itself is what was refused. @param cut those that were too many. */
function told(request: Request, left: readonly ModelTool[], cut: readonly ModelTool[] = [], most = 0): Request {
  const lines = [
    ...(left.length === 0
      ? []
      : [
          `These tools cannot be called now, because this model's server does not take them: ${namesOf(left)}. Where one of them would be needed, say so.`,
        ]),
    ...(cut.length === 0
      ? []
      : [
          `This model's server takes at most ${most} tools. These are there as well, and not told of: ${namesOf(cut)}. Where one of them is needed, look for it with a tool that finds tools, or say so.`,
        ]),
  ];
  if (lines.length === 0) return request;
  return { ...request, system: [...(request.system ?? []), ...lines.map((text) => ({ type: "text" as const, text }))] };
}

function namesOf(tools: readonly ModelTool[]): string {
  const names = tools.slice(0, 32).map(({ name, extension }) => (extension === undefined ? name : `${name} (of ${extension})`));
  return `${names.join(", ")}${tools.length > names.length ? " and others" : ""}`;
}
