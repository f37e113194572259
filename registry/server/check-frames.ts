const HEAD = 4;

/** Length first, then the bytes: how the service and the process that checks packages talk over pipes. */
export function frameOf(bytes: Buffer): Buffer {
  return Buffer.concat([headOf(bytes), bytes]);
}

export function headOf(bytes: Buffer): Buffer {
  const head = Buffer.alloc(HEAD);
  head.writeUInt32BE(bytes.length);
  return head;
}

/** The frames of a stream, each as soon as it is whole. @throws RangeError for one that is larger than `most`. */
export async function* framesOf(stream: AsyncIterable<Buffer>, most = Number.POSITIVE_INFINITY): AsyncGenerator<Buffer> {
  let head = Buffer.alloc(0);
  let frame: Buffer | undefined;
  let filled = 0;
  for await (let chunk of stream) {
    while (chunk.length > 0 || (frame !== undefined && filled === frame.length)) {
      if (frame === undefined) {
        const missing = HEAD - head.length;
        head = Buffer.concat([head, chunk.subarray(0, missing)]);
        chunk = chunk.subarray(missing);
        if (head.length < HEAD) break;
        const length = head.readUInt32BE();
        if (length > most) throw new RangeError(`a frame of ${length} bytes`);
        frame = Buffer.allocUnsafeSlow(length);
        filled = 0;
        head = Buffer.alloc(0);
      }
      const taken = chunk.copy(frame, filled);
      filled += taken;
      chunk = chunk.subarray(taken);
      if (filled < frame.length) break;
      const whole = frame;
      frame = undefined;
      yield whole;
    }
  }
}
