type TransformClass = new (transformer: object, writing?: object, reading?: object) => TransformStream;

/** Text as bytes and back, chunk by chunk. */
export function textStreams(Transform: TransformClass) {
  class TextEncoderStream {
    readonly #through: TransformStream;

    constructor() {
      const encoder = new TextEncoder();
      /** The first half of a character whose second one comes with the next chunk. */
      let half = "";
      this.#through = new Transform({
        transform(chunk: unknown, controller: TransformStreamDefaultController) {
          let text = half + String(chunk);
          half = "";
          const last = text.charCodeAt(text.length - 1);
          if (last >= 0xd800 && last <= 0xdbff) {
            half = text.slice(-1);
            text = text.slice(0, -1);
          }
          if (text !== "") controller.enqueue(encoder.encode(text));
        },
        flush(controller: TransformStreamDefaultController) {
          if (half !== "") controller.enqueue(encoder.encode(half));
        },
      });
    }

    get encoding(): string {
      return "utf-8";
    }

    get readable(): ReadableStream {
      return this.#through.readable;
    }

    get writable(): WritableStream {
      return this.#through.writable;
    }

    get [Symbol.toStringTag](): string {
      return "TextEncoderStream";
    }
  }

  class TextDecoderStream {
    readonly #through: TransformStream;
    readonly #decoder: TextDecoder;

    constructor(label?: string, options?: TextDecoderOptions) {
      const decoder = new TextDecoder(label, options);
      this.#decoder = decoder;
      this.#through = new Transform({
        transform(chunk: ArrayBuffer, controller: TransformStreamDefaultController) {
          if (!(chunk instanceof ArrayBuffer) && !ArrayBuffer.isView(chunk)) throw new TypeError("a decoder takes bytes");
          const text = decoder.decode(chunk, { stream: true });
          if (text !== "") controller.enqueue(text);
        },
        flush(controller: TransformStreamDefaultController) {
          const text = decoder.decode();
          if (text !== "") controller.enqueue(text);
        },
      });
    }

    get encoding(): string {
      return this.#decoder.encoding;
    }

    get fatal(): boolean {
      return this.#decoder.fatal;
    }

    get ignoreBOM(): boolean {
      return this.#decoder.ignoreBOM;
    }

    get readable(): ReadableStream {
      return this.#through.readable;
    }

    get writable(): WritableStream {
      return this.#through.writable;
    }

    get [Symbol.toStringTag](): string {
      return "TextDecoderStream";
    }
  }

  return { TextDecoderStream, TextEncoderStream };
}
