export { filesOf } from "../extension/files.ts";
export type { ScriptedProvider } from "./capability-table.ts";
export * from "./conformance/index.ts";
export { contractProblems } from "./contract-table.ts";
export type { LogLine } from "./extension-instance.ts";
export { type SchemaProblem, schemaProblems } from "./json-schema.ts";
export * from "./model-servers/index.ts";
export { type ScriptedModel, scriptedModels } from "./scripted-models.ts";
export { createTestHost, type TestExtension, type TestHost, type TestHostOptions } from "./test-host.ts";
