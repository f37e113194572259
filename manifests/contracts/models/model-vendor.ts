import Type, { type Static, type TObject, type TProperties } from "typebox";
import { defineContract } from "../../define.ts";
import { ImageModel } from "../media/image-generation.ts";
import { MusicModel } from "../media/music-generation.ts";
import { SpeechModel, Voice } from "../media/speech.ts";
import { TranscriptionModel } from "../media/transcription.ts";
import { VideoModel } from "../media/video-generation.ts";
import { Needs } from "../needs.ts";
import { EmbeddingModel } from "./embedding.ts";
import { ModelInfo } from "./model.ts";
import { Unbilled } from "./provider.ts";
import { RerankModel } from "./rerank.ts";

const url = Type.String({ maxLength: 2_048, pattern: "^https?://" });
const name = Type.String({ maxLength: 128, pattern: "^[A-Za-z][A-Za-z0-9_]*$" });
const headers = Type.Optional(Type.Record(Type.String({ maxLength: 128 }), Type.String({ maxLength: 512 })));
const place = { maxLength: 128, pattern: "^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*$" };

/** What is sent to the vendor is not the key or the sign-in itself. */
const Exchange = Type.Object(
  {
    url: Type.String({ ...url, description: "Asked by GET with what is exchanged, which goes nowhere else." }),
    prefix: Type.Optional(Type.String({ maxLength: 64, description: "What stands before it in the header authorization. Default: `Bearer `." })),
    headers,
    token: Type.String({ ...place, description: "Where in the answer the token is, such as `token`." }),
    expiresIn: Type.Optional(Type.String({ ...place, description: "Where it says how many seconds it is good for; goes before `expiresAt`." })),
    expiresAt: Type.Optional(Type.String({ ...place, description: "Where it says when it ends, in seconds since the epoch." })),
    baseUrl: Type.Optional(Type.String({ ...place, description: "Where it says the address that requests go to, such as `endpoints.api`." })),
    hosts: Type.Optional(
      Type.Array(Type.String({ maxLength: 256 }), {
        maxItems: 16,
        description: "Which hosts that may be, as in `permissions.net`. An answer that names another one is refused. Default: none.",
      }),
    ),
  },
  { description: "key, oauth: one server gives a short-lived token for it, and that is what the vendor is sent." },
);

/** How a vendor wants to be told whose requests these are. */
const Auth = Type.Object({
  kind: Type.Enum(["none", "key", "oauth", "aws"]),
  secret: Type.Optional(Type.String({ ...name, description: "key: name of the secret, which the manifest declares too." })),
  header: Type.Optional(Type.String({ maxLength: 128, description: "key, oauth: the header that carries it. Default: authorization." })),
  prefix: Type.Optional(
    Type.String({ maxLength: 64, description: "key, oauth: what stands before it in the header. Default: `Bearer ` for authorization." }),
  ),
  headers: Type.Optional(
    Type.Record(Type.String({ maxLength: 128 }), Type.String({ maxLength: 512 }), { description: "What requests with it have besides." }),
  ),
  claimHeaders: Type.Optional(
    Type.Record(Type.String({ maxLength: 128 }), Type.Array(Type.String({ maxLength: 128 }), { minItems: 1, maxItems: 8 }), {
      description: "oauth: headers whose values the token itself says, by the path in its claims (RFC 7519).",
    }),
  ),
  authorizeUrl: Type.Optional(Type.String({ ...url, description: "oauth: the page where people sign in in a browser (RFC 7636)." })),
  authorizeFields: Type.Optional(
    Type.Record(Type.String({ maxLength: 64 }), Type.String({ maxLength: 256 }), { description: "oauth: what that page is told besides." }),
  ),
  deviceUrl: Type.Optional(Type.String({ ...url, description: "oauth: where a sign-in on another device begins (RFC 8628)." })),
  tokenUrl: Type.Optional(Type.String({ ...url, description: "oauth: where tokens come from." })),
  revokeUrl: Type.Optional(Type.String({ ...url, description: "oauth: where they are taken back (RFC 7009)." })),
  clientId: Type.Optional(
    Type.String({ maxLength: 256, description: "oauth: of a public client. Without one the owner's configuration has to name it." }),
  ),
  exchange: Type.Optional(Exchange),
  scopes: Type.Optional(Type.Array(Type.String({ maxLength: 256 }), { maxItems: 32 })),
  redirect: Type.Optional(
    Type.Object(
      {
        host: Type.Optional(Type.Enum(["127.0.0.1", "localhost"], { description: "As the vendor has it registered. Default: 127.0.0.1." })),
        port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535 })),
        path: Type.Optional(Type.String({ maxLength: 128, pattern: "^/[a-z0-9/_-]*$" })),
      },
      { description: "oauth: where the browser comes back to, on this machine. Default: any free port, /callback." },
    ),
  ),
});

const apiId = { maxLength: 128 };
const baseUrls = Type.Record(Type.String({ maxLength: 64 }), url, {
  description:
    "By region; `default` is used where none is chosen. `{NAME}` in one stands for the environment variable of that name; while it has none, the vendor is not ready.",
});
const quirks = Type.Optional(
  Type.Record(Type.String({ maxLength: 64 }), Type.Unknown(), { description: "Switches that its API declares, by which this server differs." }),
);

const catalogue = Type.Optional(
  Type.Object(
    { date: Type.String({ pattern: "^\\d{4}-\\d{2}-\\d{2}$" }), source: url },
    { description: "When and where prices and limits of `models` were read." },
  ),
);

/** @param Model what is known of one of its models for that purpose */
const besides = <Model extends TObject, More extends TProperties>(Model: Model, more: More) =>
  Type.Optional(
    Type.Object({
      api: Type.String({ ...apiId, description: "Id of the contract's provider, one with `api`, that speaks to it." }),
      baseUrls: Type.Optional({ ...baseUrls, description: "Default: the vendor's." }),
      headers,
      quirks,
      models: Type.Optional(Type.Array(Model, { maxItems: 500, description: "What is known of its models for this." })),
      defaultModel: Type.Optional(Type.String({ maxLength: 256, description: "Default: the first of `models`." })),
      catalogue,
      ...more,
    }),
  );

const purposes = {
  "plinth.embedding": besides(EmbeddingModel, {}),
  "plinth.rerank": besides(RerankModel, {}),
  "plinth.speech": besides(SpeechModel, { voices: Type.Optional(Type.Array(Voice, { maxItems: 1_000, description: "The default first." })) }),
  "plinth.transcription": besides(TranscriptionModel, {}),
  "plinth.image-generation": besides(ImageModel, {}),
  "plinth.video-generation": besides(VideoModel, {}),
  "plinth.music-generation": besides(MusicModel, {}),
};

/** What a vendor has besides completions. */
export type VendorPurpose = keyof typeof purposes;

export const ModelVendor = Type.Object({
  title: Type.String({ maxLength: 200 }),
  website: Type.Optional(url),
  api: Type.Optional(
    Type.String({
      ...apiId,
      description: "Id of the `plinth.model-api` that it speaks. Absent: none of its models talks; what it has is in `apis`.",
    }),
  ),
  otherApis: Type.Optional(
    Type.Record(Type.String(apiId), Type.Object({ baseUrls: Type.Optional(baseUrls), headers, quirks }), {
      description:
        "What it speaks besides, by the id of the `plinth.model-api`: for models with that `api`, or where configuration chooses it. Addresses and headers are the vendor's where it has none here; quirks are those that stand here alone.",
    }),
  ),
  apis: Type.Optional(Type.Object(purposes, { description: "What it has besides completions, by the contract that says what it is for." })),
  priority: Type.Integer({ description: "Order of the automatic choice: the lowest ready one wins." }),
  local: Type.Optional(Type.Boolean({ description: "Runs on this machine, and is ready when it answers." })),
  unbilled: Type.Optional(Unbilled),
  needs: Type.Optional(Needs),
  baseUrls,
  baseUrlEnv: Type.Optional(Type.String({ ...name, description: "Environment variable with another address." })),
  modelEnv: Type.Optional(Type.String({ ...name, description: "Environment variable with the model of the automatic choice." })),
  auth: Type.Array(Auth, { minItems: 1, maxItems: 8 }),
  headers,
  headersFor: Type.Optional(
    Type.Object(
      { person: headers, tool: headers, pictures: headers },
      { description: "What a request has besides: after a person's word, after a tool's, and where it has pictures." },
    ),
  ),
  models: Type.Optional(Type.Array(ModelInfo, { maxItems: 2_000, description: "What is known of its models; what it lists itself is added." })),
  catalogue,
  defaultModel: Type.Optional(Type.String({ maxLength: 256 })),
  quirks,
  rateLimitHeaders: Type.Optional(Type.Array(Type.String({ maxLength: 128 }), { maxItems: 16, description: "Headers that say when to ask again." })),
});
export type ModelVendor = Static<typeof ModelVendor>;

/** A server of models without a line of code: what is said here, joined with the code of its API, is a model provider. */
export const modelVendor = defineContract({
  id: "plinth.model-vendor",
  version: "1.0.0",
  title: "Model vendor",
  summary: "A vendor of models as data: addresses, authentication, models, and how its server differs. An API's code does the rest.",
  cardinality: "many",
  selection: "by-id",
  choice: true,
  descriptor: ModelVendor,
  methods: {},
});
