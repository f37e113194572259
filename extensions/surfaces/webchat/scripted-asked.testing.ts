import type { InteractionRequest } from "@plinth/sdk";
import type { ScriptedProvider } from "@plinth/sdk/testing";

interface Answer {
  id: string;
  digest: string;
  option?: string;
  values?: Record<string, unknown>;
  decline?: boolean;
}

/** For tests: what the gateway's methods of one sort do, for one page or more: the first answer holds. */
export function scriptedAsked<R extends InteractionRequest>(sort: "approvals" | "questions", pending: R[] = []) {
  const watchers = new Set<(change: unknown) => void>();
  const answers: Answer[] = [];
  const tell = (change: unknown) => watchers.forEach((watcher) => void watcher(change));
  const method = (id: string, provider: Record<string, unknown>): ScriptedProvider => ({
    contract: "plinth.gateway-method",
    id,
    descriptor: { summary: id, scope: "owner", streaming: provider.open !== undefined },
    provider: provider as never,
  });
  const answered = (request: R, answer: object) => {
    pending.splice(pending.indexOf(request), 1);
    tell({ state: "answered", request, answer: { at: 1, by: { role: "owner", via: "plinth.gateway:gateway-token" }, ...answer } });
  };
  return {
    answers,
    answered,
    ask(request: R) {
      pending.push(request);
      tell({ state: "asked", request });
    },
    provide: [
      method(`${sort}.watch`, {
        open: async function* (_: unknown, { signal }: { signal: AbortSignal }) {
          const changes: unknown[] = [{ state: "pending", requests: [...pending] }];
          let wake = Promise.withResolvers<void>();
          const watcher = (change: unknown) => {
            changes.push(change);
            wake.resolve();
          };
          watchers.add(watcher);
          signal.addEventListener("abort", () => wake.resolve());
          while (!signal.aborted) {
            wake = Promise.withResolvers<void>();
            yield* changes.splice(0);
            await wake.promise;
          }
          watchers.delete(watcher);
        },
      }),
      method(`${sort}.answer`, {
        call: (answer: Answer) => {
          answers.push(answer);
          const request = pending.find(({ id }) => id === answer.id)!;
          const { option, values } = answer;
          const isNo = option === "deny" || answer.decline === true;
          answered(request, {
            answer: isNo ? "declined" : "chosen",
            ...(option === undefined ? {} : { option }),
            ...(values === undefined ? {} : { values }),
          });
          return {};
        },
      }),
    ],
  };
}
