/** Streams, what is made of bytes, and channels: most extensions never touch them. */
import {
  ByteLengthQueuingStrategy,
  CountQueuingStrategy,
  ReadableByteStreamController,
  ReadableStream,
  ReadableStreamBYOBReader,
  ReadableStreamBYOBRequest,
  ReadableStreamDefaultController,
  ReadableStreamDefaultReader,
  TransformStream,
  TransformStreamDefaultController,
  WritableStream,
  WritableStreamDefaultController,
  WritableStreamDefaultWriter,
} from "web-streams-polyfill";
import { Blob, File } from "./blob.ts";
import { neverCopied } from "./copy-symbol.ts";
import { textStreams } from "./encoding-streams.ts";
import { FormData } from "./form-data.ts";
import type { MakeGlobals } from "./lazy-globals.ts";
import { MessageChannel, MessagePort } from "./message-channel.ts";

export const make: MakeGlobals = () => {
  const globals = {
    Blob,
    File,
    FormData,
    MessageChannel,
    MessagePort,
    ByteLengthQueuingStrategy,
    CountQueuingStrategy,
    ReadableByteStreamController,
    ReadableStream,
    ReadableStreamBYOBReader,
    ReadableStreamBYOBRequest,
    ReadableStreamDefaultController,
    ReadableStreamDefaultReader,
    TransformStream,
    TransformStreamDefaultController,
    WritableStream,
    WritableStreamDefaultController,
    WritableStreamDefaultWriter,
    ...textStreams(TransformStream as unknown as typeof globalThis.TransformStream),
  };
  neverCopied(globals);
  return globals;
};
