/** The thread in which strangers' data is looked at: all that this process does with it, task by task. */
import { checkSchema } from "@plinth/manifests/check/schema-task.ts";
import { serve } from "@plinth/manifests/strangers/serve.ts";

// Each part is loaded with its first task: who checks values only needs no archives.
const documents = () => import("./document-tasks.ts");
const archives = () => import("./archive-tasks.ts");

serve({
  schema: checkSchema,
  document: async (input: never) => (await documents()).readDocument(input),
  versions: async (input: never) => (await documents()).readVersions(input),
  check: async (input: never) => (await documents()).checkDocument(input),
  fitting: async (input: never) => (await documents()).fittingVersions(input),
  search: async (input: never) => (await documents()).searchDocument(input),
  near: async (input: never) => (await documents()).nearInDocument(input),
  keys: async (input: never) => (await documents()).keysInRoot(input),
  solve: async (input: never) => (await import("./solve-task.ts")).solveSet(input),
  npm: async (input: never) => (await import("./npm-task.ts")).chooseNpmVersion(input),
  integrity: async (input: never) => (await archives()).integrityOfBytes(input),
  unpack: async (input: never) => (await archives()).unpackArchive(input),
  readme: async (input: never) => (await import("./readme-task.ts")).readmeHtml(input),
  scan: async (input: never) => (await archives()).scanFolder(input),
});
