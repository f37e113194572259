import type { ChildProcess } from "node:child_process";
import { Server, type Socket } from "node:net";
import { PlinthError } from "@plinth/sdk";

/**
 * Let a program begin that waits behind its wall: take over the listener that was opened in its network, if it has a way out,
 * and hand it its variables. Until then nothing of the extension's ran in there.
 *
 * @param variables told which port the way out has.
 */
export function throughDoor(
  extension: string,
  program: string,
  child: ChildProcess,
  variables: (port: number) => Record<string, string>,
): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    let listener: Server | null = null;
    const failed = (why: string): void => {
      listener?.close();
      reject(
        new PlinthError("PLINTH_EXEC_FAILED", `${program} cannot be started: ${why}.`, {
          extension,
          next: "Check that Plinth's programs can be read by everybody.",
        }),
      );
    };
    child.once("message", (said, handle) => {
      const { port } = said as { port: number };
      if (handle instanceof Server) listener = whoeverKnocksWaits(handle);
      child.send(variables(port), (error) => {
        if (error !== null) failed(error.message);
      });
    });
    child.once("disconnect", () => (child.exitCode === null ? resolve(listener) : failed(`it ended with ${child.exitCode}`)));
    child.once("exit", (code, signal) => failed(`it ended with ${signal ?? code}`));
    child.once("error", (error) => failed(error.message));
  });
}

/** Connections that are made before somebody takes them are kept for whoever does first: the program may be quicker than the host. */
export function whoeverKnocksWaits(listener: Server): Server {
  const waiting: Socket[] = [];
  const hold = (socket: Socket): void => {
    socket.on("error", () => {});
    waiting.push(socket);
  };
  const taken = (event: string, take: (socket: Socket) => void): void => {
    if (event !== "connection") return;
    listener.off("newListener", taken).off("connection", hold);
    for (const socket of waiting.splice(0)) process.nextTick(take, socket);
  };
  listener.on("connection", hold).on("newListener", taken);
  listener.once("close", () => {
    for (const socket of waiting.splice(0)) socket.destroy();
  });
  return listener;
}
