import { basename } from "node:path";
import type { Provider } from "../../extension/index.ts";

const MOST = 20;

/** Damaged files that were set aside, as a part of `plinth doctor`, until their owner has taken them away. @param owner the extension */
export const asideCheck = (owner: string, file: string): Provider<"plinth.check"> => ({
  examine: async () => ({
    findings: (await import("./recover.ts"))
      .asideOf(file)
      .slice(-MOST)
      .map((path) => ({
        code: "PLINTH_STORE_DAMAGED",
        severity: "notice" as const,
        owner,
        what: `has set a damaged file aside: ${basename(path)}`.slice(0, 500),
        why: `${basename(file)} could not be read as a database. What could be read was copied into a new one; the log says how much.`.slice(
          0,
          2_000,
        ),
        next: `Look whether something is missed; then delete ${path}`.slice(0, 1_000),
      })),
  }),
});
