export { type ConformanceCase, type ConformanceRunner, describeConformance } from "./case.ts";
export { type ChatCommandSubject, chatCommandConformance } from "./chat-command.ts";
export { type ModelProviderSubject, modelProviderConformance } from "./model-provider.ts";
export { type SessionStoreSubject, sessionStoreConformance } from "./session-store.ts";
export { type ToolSubject, toolConformance } from "./tool.ts";
