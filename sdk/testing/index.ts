export { filesOf } from "../extension/files.ts";
export type { ScriptedProvider } from "./capability-table.ts";
export {
  type ArtifactsSubject,
  approvalOf,
  artifactsConformance,
  type ChannelSubject,
  type ChatCommandSubject,
  type ConformanceCase,
  type ConformanceRunner,
  channelConformance,
  chatCommandConformance,
  describeConformance,
  type HarnessSubject,
  type HttpRouteSubject,
  harnessConformance,
  httpRouteConformance,
  type InteractionSubject,
  interactionConformance,
  type ModelApiSubject,
  type ModelProviderSubject,
  type ModelVendorSubject,
  modelApiConformance,
  modelProviderConformance,
  modelVendorConformance,
  type PluginSourceSubject,
  pluginSourceConformance,
  questionOf,
  requestOf,
  type SessionStoreSubject,
  sessionStoreConformance,
  type ToolSetSubject,
  type ToolSubject,
  type TransformHookSubject,
  toolConformance,
  toolSetConformance,
  transformHookConformance,
  wholeSessionStoreConformance,
} from "./conformance/index.ts";
export { contractProblems } from "./contract-table.ts";
export type { LogLine } from "./extension-instance.ts";
export { type SchemaProblem, schemaProblems } from "./json-schema.ts";
export { createTestHost, type TestExtension, type TestHost, type TestHostOptions } from "./test-host.ts";
