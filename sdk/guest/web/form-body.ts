const escaped = (name: string): string => name.replace(/\r\n?|\n/g, "%0D%0A").replaceAll('"', "%22");

/** A form as browsers send it, with files. */
export function encodeForm(form: FormData): { source: Promise<Uint8Array<ArrayBuffer>>; type: string } {
  const boundary = `----plinth${crypto.randomUUID().replaceAll("-", "")}`;
  const parts: (string | Blob)[] = [];
  for (const [name, value] of form) {
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="${escaped(name)}"`;
    if (typeof value === "string") parts.push(`${head}\r\n\r\n${value.replace(/\r\n?|\n/g, "\r\n")}\r\n`);
    else {
      const type = value.type || "application/octet-stream";
      parts.push(`${head}; filename="${escaped(value.name)}"\r\nContent-Type: ${type}\r\n\r\n`, value, "\r\n");
    }
  }
  parts.push(`--${boundary}--\r\n`);
  return { source: new Blob(parts).bytes() as Promise<Uint8Array<ArrayBuffer>>, type: `multipart/form-data; boundary=${boundary}` };
}

/** @throws TypeError where it is no form. */
export function parseForm(type: string, bytes: Uint8Array<ArrayBuffer>): FormData {
  const form = new FormData();
  const [kind = ""] = type.split(";");
  if (kind.trim().toLowerCase() === "application/x-www-form-urlencoded") {
    for (const [name, value] of new URLSearchParams(unmarked(bytes))) form.append(name, value);
    return form;
  }
  const boundary = /;\s*boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(type);
  if (kind.trim().toLowerCase() !== "multipart/form-data" || boundary === null) throw new TypeError("the body is no form");
  // One character a byte, so that places in the text are places in the bytes.
  let text = "";
  for (let at = 0; at < bytes.length; at += 8_192) text += String.fromCharCode(...bytes.subarray(at, at + 8_192));
  const mark = `--${boundary[1] ?? boundary[2]}`;
  let at = text.startsWith(mark) ? 0 : text.indexOf(`\r\n${mark}`) + 2;
  for (;;) {
    at += mark.length;
    if (text.startsWith("--", at)) return form;
    const [head, end] = [text.indexOf("\r\n\r\n", at), text.indexOf(`\r\n${mark}`, at + 2)];
    if (!text.startsWith("\r\n", at) || head < 0 || end < head + 2) throw new TypeError("the body is a form that is not whole");
    append(form, utf8(bytes.subarray(at, head)), bytes.slice(Math.min(head + 4, end), end));
    at = end + 2;
  }
}

/** A byte order mark at the beginning belongs to the text. */
const unmarked = (bytes: Uint8Array): string => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
const utf8 = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

function append(form: FormData, head: string, content: Uint8Array<ArrayBuffer>): void {
  const disposition = /^content-disposition:\s*form-data\s*;(.*)$/im.exec(head)?.[1] ?? "";
  const parameter = (name: string): string | undefined =>
    new RegExp(`(?:^|;)\\s*${name}="([^"]*)"`, "i")
      .exec(disposition)?.[1]
      ?.replace(/%0D%0A/gi, "\r\n")
      .replaceAll("%22", '"');
  const name = parameter("name");
  if (name === undefined) throw new TypeError("a part of the form has no name");
  const file = parameter("filename");
  if (file === undefined) form.append(name, utf8(content));
  else form.append(name, new File([content], file, { type: /^content-type:\s*(.+?)\s*$/im.exec(head)?.[1] ?? "text/plain" }));
}
