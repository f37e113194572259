import { grantedFolders } from "@plinth/manifests/home/granted-folders.ts";
import type { Bridge, ExecRequest, FilesRequest, SocketItem } from "@plinth/manifests/wire/bridge.ts";
import { PlinthError } from "../extension/errors.ts";
import type { ContractId, Uses } from "../extension/index.ts";
import { type FetchRules, permit, withSecrets } from "./bounded-fetch.ts";
import { plainFiles } from "./plain-files.ts";

type Roads = Pick<Bridge, "files" | "exec" | "execSend" | "socket" | "socketSend" | "socketClose">;

/**
 * Files, programs and WebSockets of an extension under test. What fills their slots in the test host carries them out, as an
 * extension or as a scripted provider; without that, files are plain files of the test's home, and WebSockets are real.
 */
export function roadsOf(rules: FetchRules, home: string, use: <C extends ContractId>(contract: C) => Uses<C>): Roads {
  const { id: extension, permissions = {} } = rules.manifest;
  const granted = (kind: "fs" | "exec", what: string): string[] => {
    const list = permissions[kind] ?? [];
    if (list.length > 0) return list;
    throw new PlinthError("PLINTH_UNDECLARED", `${extension} did not declare ${what}.`, {
      extension,
      next: `Add permissions.${kind} to plinth.json.`,
    });
  };
  const sockets = new Map<string, WebSocket>();
  let opened = 0;
  return {
    async files(request: FilesRequest) {
      granted("fs", "any folder");
      const folders = grantedFolders(home, extension, permissions);
      const slot = use("plinth.file-access");
      const input = { extension, folders, request: JSON.parse(JSON.stringify(request)) as FilesRequest };
      return (await slot.list()).length > 0 ? slot.one().request(input) : plainFiles(extension, folders, request);
    },
    async *exec(request, signal) {
      const programs = granted("exec", "any program");
      const given = { programs, folders: grantedFolders(home, extension, permissions), hosts: permissions.net ?? [] };
      const handed = await rules.secrets.toProgram(extension, permissions.secrets ?? [], rules, JSON.parse(JSON.stringify(request)) as ExecRequest);
      const input = { extension, ...given, ...handed };
      const items = use("plinth.program-runner")
        .one()
        .open(input, signal === undefined ? {} : { signal });
      for await (const item of items) if (!("reached" in item)) yield item;
    },
    async execSend(id, message) {
      granted("exec", "any program");
      await use("plinth.program-runner").one().send({ extension, id, message });
    },
    async *socket({ url, protocols = [], headers = {} }, signal) {
      permit(new URL(url), rules);
      const options = { protocols, headers: await withSecrets(headers, rules, new URL(url).origin) };
      const socket = new WebSocket(url, options as unknown as string[]);
      const id = `socket-${++opened}`;
      sockets.set(id, socket);
      try {
        yield* itemsOf(id, socket, extension, signal);
      } finally {
        sockets.delete(id);
        socket.close();
      }
    },
    async socketSend(id, data) {
      sockets.get(id)?.send(data as string);
    },
    async socketClose(id, code, reason) {
      sockets.get(id)?.close(code, reason);
    },
  };
}

async function* itemsOf(id: string, socket: WebSocket, extension: string, signal: AbortSignal | undefined): AsyncGenerator<SocketItem> {
  const items: SocketItem[] = [];
  let wake = (): void => {};
  const add = (item: SocketItem): void => {
    items.push(item);
    wake();
  };
  socket.binaryType = "arraybuffer";
  socket.onopen = () => add({ open: id, protocol: socket.protocol });
  socket.onmessage = ({ data }) => add(typeof data === "string" ? { text: data } : { binary: new Uint8Array(data as ArrayBuffer) });
  socket.onclose = ({ code, reason }) => add({ close: code, reason });
  signal?.addEventListener("abort", () => wake(), { once: true });
  for (let begun = false; ; begun = true) {
    while (items.length === 0 && !signal?.aborted) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    if (signal?.aborted) throw signal.reason;
    const item = items.shift() as SocketItem;
    if (!begun && !("open" in item)) throw new PlinthError("PLINTH_NET", `${new URL(socket.url).host} cannot be reached.`, { extension });
    yield item;
    if ("close" in item) return;
  }
}
