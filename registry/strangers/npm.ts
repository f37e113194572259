import { roomFor } from "@plinth/manifests/strangers/rooms.ts";
import type { NpmQuestion, NpmVersion } from "./npm-task.ts";

/** Choose a version out of an npm registry's document, in the thread for strangers' data. @throws as the task does, PLINTH_DATA_*. */
export function chooseNpmVersion(question: NpmQuestion, registry: string, signal?: AbortSignal): Promise<NpmVersion> {
  const about = `What ${registry} says of ${question.name}`;
  return roomFor("packages").run<NpmVersion>({ task: "npm", input: question, owner: registry, about, signal });
}
