import { syncBuiltinESMExports } from "node:module";
import net from "node:net";
import os from "node:os";
import v8 from "node:v8";
import { PlinthError } from "@plinth/manifests/wire/error.ts";

const permission = (id: string, what: string, next: string): PlinthError =>
  new PlinthError("PLINTH_PERMISSION", `${id} cannot be used: ${what}.`, { extension: id, next });

/**
 * What Node's permission model leaves open: signals and priorities of other processes, and the engine's own switches. The
 * system's wall refuses the first two as well; where there is none, this is what holds.
 */
export function denyNodeHoles(id: string): void {
  const deny = (target: object, names: readonly string[], what: string): void => {
    const denied = (): never => {
      throw permission(id, what, "Report it to its author.");
    };
    for (const name of names) if (name in target) Object.defineProperty(target, name, { value: denied, writable: false, configurable: false });
  };
  deny(process, ["kill", "_kill", "_debugProcess", "_debugEnd"], "it may not send signals");
  deny(process, ["setuid", "seteuid", "setgid", "setegid", "setgroups", "initgroups"], "it may not change who it runs as");
  deny(os, ["setPriority"], "it may not change priorities");
  deny(v8, ["setFlagsFromString", "setHeapSnapshotNearHeapLimit", "startupSnapshot"], "it may not change the engine");
  // Named imports of these modules are copies.
  syncBuiltinESMExports();
}

/** Connections of its own are refused by the runtime and by the walls; this says what to use instead, where code expects errors. */
export function denyOwnConnections(id: string): void {
  const denied = (what: string): PlinthError => permission(id, what, "Report it to its author: fetch, WebSocket and ctx.fetch go through the host.");
  net.Socket.prototype.connect = function (this: net.Socket): net.Socket {
    return this.destroy(denied("it may not open connections of its own"));
  };
  net.Server.prototype.listen = function (this: net.Server): net.Server {
    process.nextTick(() => this.emit("error", denied("it may not listen for connections")));
    return this;
  };
}
