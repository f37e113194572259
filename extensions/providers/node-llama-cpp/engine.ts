import type { Asked, Completion, Conversation, Done, Failure, Item, Loaded, Opening, Said } from "./messages.ts";

/** What the engine has of the runtime: it is sent to its process as text, and can name nothing of this module. */
export interface Outside {
  /** The connection to the host. */
  readonly connection: import("node:net").Socket;
  readonly registerHooks: typeof import("node:module").registerHooks;
  load(url: string): Promise<any>;
}

/**
 * One model in a process of its own: loads it, answers, counts. Its text runs there, behind the walls, so it uses its parameter
 * and what every JavaScript has, and nothing that is imported.
 */
export async function engine({ connection, registerHooks, load }: Outside): Promise<void> {
  const USUAL_CONTEXT = 8_192;
  const LEAST_FREE = 2;
  const running = new Map<number, AbortController>();
  let library: any;
  let llama: any;
  let model: any;
  let wrapper: any;
  let opening: Opening;
  let size = 0;
  let hasTools = false;
  let chats: Promise<any[]> | undefined;
  let embedding: Promise<any> | undefined;

  const say = (said: Said) => connection.write(`${JSON.stringify(said)}\n`);
  const failed = (failure: Failure) => Object.assign(new Error(failure.message), { failure });

  // It would try its binary in a process of its own first. This is that process, and none may be started in here.
  registerHooks({
    load: (url, context, next) =>
      url.endsWith("/bindings/utils/testBindingBinary.js")
        ? { format: "module", source: "export const testBindingBinary = async () => true;", shortCircuit: true }
        : next(url, context),
  });

  async function open(asked: Opening): Promise<Loaded> {
    opening = asked;
    library = await load(asked.library);
    const { getLlama, LlamaLogLevel, resolveChatWrapper } = library;
    llama = await getLlama({
      gpu: false,
      build: "never",
      skipDownload: true,
      progressLogs: false,
      logLevel: LlamaLogLevel.error,
      maxThreads: asked.threads,
    });
    model = await llama.loadModel({ modelPath: asked.file });
    wrapper = resolveChatWrapper(model, { warningLogs: false });
    size = asked.contextTokens ?? Math.min(model.trainContextSize, USUAL_CONTEXT);
    const template = String(model.fileInfo.metadata?.tokenizer?.chat_template ?? "");
    hasTools = wrapper.usingJinjaFunctionCallTemplate ?? /\btools\b/.test(template);
    const title = model.fileInfo.metadata?.general?.name;
    return { contextTokens: size, tools: hasTools, title: typeof title === "string" && title !== "" ? title.slice(0, 200) : null };
  }

  /** One chat for each that may talk at one time: each keeps what it read last. */
  async function makeChats(): Promise<any[]> {
    const context = await model.createContext({ contextSize: size, sequences: opening.parallel });
    return Array.from({ length: opening.parallel }, () => new library.LlamaChat({ contextSequence: context.getSequence(), chatWrapper: wrapper }));
  }

  function tokensOf({ history, tools }: Conversation): number[] {
    const answering = history.at(-1)?.type === "model" ? history : [...history, { type: "model", response: [] }];
    const { contextText } = wrapper.generateContextState({ chatHistory: answering, availableFunctions: tools, documentFunctionParams: true });
    return contextText.tokenize(model.tokenizer);
  }

  const tooLong = (asked: number): Error =>
    failed({ kind: "CONTEXT", message: `The conversation has ${asked} tokens, and the model takes ${size}.`, limit: size, asked });

  async function grammarOf(json: Completion["json"]): Promise<any> {
    if (json === null) return undefined;
    try {
      return json === true ? await llama.getGrammarFor("json") : await llama.createGrammarForJsonSchema(json.schema);
    } catch (thrown) {
      throw failed({ kind: "UNSUPPORTED", message: String((thrown as Error).message) });
    }
  }

  async function complete(asked: Completion, tell: (item: Item) => void, signal: AbortSignal): Promise<Done> {
    const read = tokensOf(asked).length;
    if (read + LEAST_FREE >= size) throw tooLong(read);
    const grammar = await grammarOf(asked.json);
    chats ??= makeChats();
    const free = await chats;
    signal.throwIfAborted();
    const chat = free.pop();
    try {
      const meter = chat.sequence.tokenMeter;
      const before = meter.getState();
      const { metadata } = await chat.generateResponse([...asked.history], {
        signal,
        maxTokens: Math.min(asked.maxTokens ?? size, size - read - LEAST_FREE),
        temperature: asked.temperature,
        topP: asked.topP,
        topK: 40,
        minP: 0.05,
        repeatPenalty: false,
        ...(asked.seed === null ? {} : { seed: asked.seed }),
        ...(asked.stop.length === 0 ? {} : { customStopTriggers: asked.stop }),
        ...(asked.thoughtTokens === null ? {} : { budgets: { thoughtTokens: asked.thoughtTokens } }),
        // What does not fit any more would be left out without a word.
        contextShift: {
          strategy: () => {
            throw tooLong(size);
          },
        },
        ...(grammar !== undefined
          ? { grammar }
          : Object.keys(asked.tools).length === 0
            ? {}
            : {
                functions: asked.tools,
                documentFunctionParams: true,
                ...(asked.calls === null ? {} : { maxParallelFunctionCalls: asked.calls }),
                onFunctionCall: ({ functionName, params }: any) => tell({ call: { name: functionName, params: params ?? {} } }),
              }),
        onResponseChunk: ({ type, segmentType, text }: any) => {
          if (text === "") return;
          if (type !== "segment") tell({ text });
          else if (segmentType === "thought") tell({ thought: text });
        },
      });
      const used = meter.diff(before);
      const { stopReason } = metadata;
      const reason = stopReason === "functionCalls" ? "calls" : stopReason === "maxTokens" ? "length" : "stop";
      return { reason, read, written: used.usedOutputTokens, kept: Math.max(0, read - used.usedInputTokens) };
    } finally {
      free.push(chat);
    }
  }

  async function embed(inputs: readonly string[], cut: boolean, signal: AbortSignal): Promise<{ vectors: string[]; read: number }> {
    embedding ??= model.createEmbeddingContext({ contextSize: size });
    const context = await embedding;
    const vectors: string[] = [];
    let read = 0;
    for (const input of inputs) {
      signal.throwIfAborted();
      const all: number[] = model.tokenize(input);
      // The beginning and the end of a text have tokens of their own.
      const most = size - 2;
      if (all.length > most && !cut)
        throw failed({ kind: "CONTEXT", message: `An input has ${all.length} tokens, and the model takes ${most}.`, limit: most, asked: all.length });
      const taken = all.slice(0, most);
      read += taken.length;
      const { vector } = await context.getEmbeddingFor(taken);
      vectors.push(Buffer.from(Float32Array.from(vector).buffer).toString("base64"));
    }
    return { vectors, read };
  }

  function answer(asked: Asked, signal: AbortSignal): unknown {
    switch (asked.what) {
      case "open":
        return open(asked);
      case "count":
        return { tokens: tokensOf(asked).length };
      case "embed":
        return embed(asked.inputs, asked.cut, signal);
      case "complete":
        return complete(asked, (item) => say({ id: asked.id, item }), signal);
      default:
        throw failed({ kind: "REQUEST", message: "It was asked for something that it does not know." });
    }
  }

  async function take(asked: Asked): Promise<void> {
    if (asked.what === "cancel") return running.get(asked.id)?.abort();
    const controller = new AbortController();
    running.set(asked.id, controller);
    try {
      say({ id: asked.id, done: await answer(asked, controller.signal) });
    } catch (thrown) {
      const { failure, message } = thrown as Error & { failure?: Failure };
      say({ id: asked.id, failed: failure ?? { kind: "SERVER", message: String(message).slice(0, 500) } });
    } finally {
      running.delete(asked.id);
    }
  }

  let rest = "";
  connection.setEncoding("utf8");
  connection.on("data", (piece) => {
    const lines = `${rest}${piece}`.split("\n");
    rest = lines.pop() ?? "";
    for (const one of lines) void take(JSON.parse(one));
  });
  // Without the host nobody needs it.
  connection.on("close", () => process.exit(0));
}
