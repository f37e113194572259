export { type ConformanceCase, type ConformanceRunner, describeConformance } from "./case.ts";
export { type ChannelSubject, channelConformance } from "./channel.ts";
export { type ChatCommandSubject, chatCommandConformance } from "./chat-command.ts";
export { type HarnessSubject, harnessConformance } from "./harness.ts";
export { type ModelProviderSubject, modelProviderConformance } from "./model-provider.ts";
export { type PluginSourceSubject, pluginSourceConformance } from "./plugin-source.ts";
export { type SessionStoreSubject, sessionStoreConformance } from "./session-store.ts";
export { type ToolSubject, toolConformance } from "./tool.ts";
export { type TransformHookSubject, transformHookConformance } from "./transform-hook.ts";
