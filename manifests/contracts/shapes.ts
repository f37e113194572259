import type { TSchema } from "typebox";
import { ContextSection } from "./agents/context.ts";
import { InteractionAnswer, InteractionRequest } from "./agents/interaction.ts";
import { EntryBody, TranscriptEntry } from "./agents/transcript.ts";
import { ErrorInfo, TurnEvent } from "./agents/turns.ts";
import { Job, JobRun, Schedule } from "./automation/scheduler.ts";
import { BrowserTab } from "./browser/browser-driver.ts";
import { Address, Sender } from "./channels/address.ts";
import { Delivery } from "./channels/delivery.ts";
import { InboundItem } from "./channels/inbound.ts";
import { Receipt } from "./channels/outbound.ts";
import { Influence, Origin } from "./content/origin.ts";
import * as part from "./content/part.ts";
import { GenerationItem } from "./media/generation.ts";
import { Memory, MemoryScope } from "./memory/memory.ts";
import { Credential } from "./models/credentials.ts";
import { ModelEvent, Usage, WarningItem } from "./models/event.ts";
import { ModelMessage } from "./models/message.ts";
import { ModelInfo } from "./models/model.ts";
import { ModelEndpoint } from "./models/model-api.ts";
import { MeteredUsage } from "./models/purpose.ts";
import { ModelRequest } from "./models/request.ts";
import { Environment } from "./operations/environment.ts";
import { LoggedEvent } from "./operations/event-log.ts";
import { Task } from "./operations/tasks.ts";
import { BundleFile } from "./plugins/bundle-format.ts";
import { Skill } from "./tools/skill-source.ts";
import { ToolDescriptor, ToolItem, ToolResult } from "./tools/tool.ts";
import { CatalogTool } from "./tools/tool-catalog.ts";
import { SetTool } from "./tools/tool-set.ts";

const {
  ContentPart,
  Opaque,
  Part,
  ToolCallPart,
  ToolResultPart,
  TextPart,
  ImagePart,
  AudioPart,
  VideoPart,
  FilePart,
  ResourcePart,
  CitationPart,
  ReasoningPart,
} = part;

/** Shapes that many payloads hold: their validators are compiled once each. */
export const shapes: Record<string, TSchema> = {
  ...{ Influence, Origin, Opaque, ContentPart, Part, ToolCallPart, ToolResultPart },
  ...{ CatalogTool, SetTool, ToolDescriptor, ToolItem },
  ...{ TextPart, ImagePart, AudioPart, VideoPart, FilePart, ResourcePart, CitationPart, ReasoningPart },
  ...{ Address, Sender, InboundItem, Receipt, Delivery },
  ...{ Job, JobRun, Schedule, Task, LoggedEvent, Memory, MemoryScope, BrowserTab, Environment, Credential, Skill, BundleFile, ContextSection },
  ...{
    ErrorInfo,
    InteractionAnswer,
    InteractionRequest,
    GenerationItem,
    MeteredUsage,
    ModelEndpoint,
    ModelEvent,
    ModelMessage,
    ModelInfo,
    ModelRequest,
    ToolResult,
    EntryBody,
    TranscriptEntry,
    TurnEvent,
    Usage,
    WarningItem,
  },
};
