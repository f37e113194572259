import type { Finding, Provider } from "@plinth/sdk";
import type { ToolLessons } from "./tool-lessons.ts";

const MOST = 100;

/** Tools that models' servers refused in the last hour, as a part of `plinth doctor`: each is its extension's to mend. */
export const refusedCheck = (lessons: ToolLessons): Provider<"plinth.check"> => ({
  examine: () => ({
    findings: lessons
      .refused()
      .slice(0, MOST)
      .map(
        ({ tool, extension = "plinth.models", model, why }): Finding => ({
          code: "PLINTH_MODEL_TOOLS",
          severity: "notice",
          owner: extension,
          what: `has a tool that ${model} does not take: ${tool}`.slice(0, 500),
          why,
          next: "It is left out for that model for an hour. plinth check says what vendors make of a tool's schema; report it to its author.",
        }),
      ),
  }),
});
