/** Servers of models' protocols, and of tokens, for tests: what they say is scripted in Plinth's words, what they were asked is kept. */
export { type AnthropicOptions, anthropicServer } from "./anthropic.ts";
export { type BedrockOptions, bedrockEvent, bedrockServer } from "./bedrock.ts";
export { codexServer, codexToken } from "./codex.ts";
export { type CopilotTokens, copilotTokens } from "./copilot-tokens.ts";
export { type GeminiServerOptions, geminiServer, geminiWire } from "./gemini.ts";
export { type OllamaServerOptions, ollamaServer, ollamaWire } from "./ollama.ts";
export { recordingOf } from "./openai-audio.ts";
export { type OpenaiChatOptions, openaiChatServer, openaiChatWire } from "./openai-chat.ts";
export { greyPixel } from "./openai-images.ts";
export { type OpenaiMediaServer, openaiMediaServer } from "./openai-media.ts";
export { openaiResponsesServer, openaiResponsesWire } from "./openai-responses.ts";
export { type PlainAnswer, type PlainRequest, type PlainServer, plainServer } from "./plain-server.ts";
export { rerankServer } from "./rerank.ts";
export { type AskedRequest, argumentsText, callId, callsOf, endOf, type Said, type ScriptedAnswer, type Wire } from "./script.ts";
export { type ModelServer, type ModelServerOptions, modelServer } from "./server.ts";
export { type TokenServer, type TokenServerOptions, tokenServer } from "./token-server.ts";
