import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { expect, it } from "vitest";
import { whoeverKnocksWaits } from "./door.ts";

it("keeps who connects before the proxy is there, and hands each over once", async () => {
  const listener = whoeverKnocksWaits(createServer());
  await once(listener.listen(0, "127.0.0.1"), "listening");
  const { port } = listener.address() as AddressInfo;
  const knock = async (): Promise<Socket> => {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    return socket;
  };
  const early = [await knock(), await knock()];
  // The other end has seen them, too.
  await expect.poll(() => new Promise((resolve) => listener.getConnections((_error, count) => resolve(count)))).toBe(2);
  let taken = 0;
  listener.on("connection", (socket) => {
    taken++;
    socket.end("well");
  });
  for (const socket of [...early, await knock()]) expect(String((await once(socket, "data"))[0])).toBe("well");
  expect(taken).toBe(3);
  listener.close();
});

it("lets go of who waited in vain", async () => {
  const listener = whoeverKnocksWaits(createServer());
  await once(listener.listen(0, "127.0.0.1"), "listening");
  const socket = connect((listener.address() as AddressInfo).port, "127.0.0.1");
  await once(socket, "connect");
  await expect.poll(() => new Promise((resolve) => listener.getConnections((_error, count) => resolve(count)))).toBe(1);
  listener.close();
  // A listener is closed when its last connection is.
  socket.end();
  await once(socket.resume(), "close");
});
