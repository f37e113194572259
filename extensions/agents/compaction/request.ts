import type { ModelMessage, Provider } from "@plinth/sdk";
import { tokensIn } from "@plinth/sdk/kits/conversation";

export type Compact = Provider<"plinth.compactor">["compact"];
export type Request = Parameters<Compact>[0];
export type Entry = Request["history"][number];
export type Item = Compact extends (...input: never[]) => AsyncIterable<infer T> ? T : never;

export const tokensOf = ({ tokens, message }: { tokens?: number; message: ModelMessage }): number => tokens ?? tokensIn([message]);
