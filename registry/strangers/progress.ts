import { roomFor } from "@plinth/manifests/strangers/rooms.ts";

/** Do something, and be told each second of what takes longer in the thread for strangers' data, and whose it is. */
export function withProgress<T>(tell: (line: string) => void, work: () => Promise<T>): Promise<T> {
  return roomFor("packages").progress.run(tell, work);
}
