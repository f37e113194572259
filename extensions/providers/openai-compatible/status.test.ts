import { describe, expect, it } from "vitest";
import { endpointOf } from "./endpoint.ts";
import manifest from "./plinth.json" with { type: "json" };
import { hostFor, json, scriptedServer } from "./scripted-server.testing.ts";
import { vendors } from "./vendors.ts";

const models = (...ids: string[]) => json(200, { object: "list", data: ids.map((id) => ({ id, context_length: 4096 })) });

describe("a provider's status", () => {
  it("is ready with a key, and prefers what a server of one's own has", async () => {
    await using server = await scriptedServer(models("mine", "other"));
    await using host = await hostFor(server.url);
    const openai = host.use("plinth.model-provider").get("openai");
    expect(await openai.status({})).toEqual({ ready: true, defaultModel: "mine" });
    expect(await openai.status({})).toEqual({ ready: true, defaultModel: "mine" });
    expect(server.seen.length, "remembered for a while").toBe(1);
    expect(await openai.models({})).toEqual({
      models: [
        { id: "mine", contextTokens: 4096 },
        { id: "other", contextTokens: 4096 },
      ],
    });
  });

  it("follows configuration first, then the environment, then the table", async () => {
    await using server = await scriptedServer(models("mine"));
    const status = async (more: Parameters<typeof hostFor>[1]) => {
      await using host = await hostFor(server.url, more);
      return (await host.use("plinth.model-provider").get("openai").status({})).defaultModel;
    };
    expect(await status({ env: { OPENAI_MODEL: "env" } })).toBe("env");
    expect(await status({ env: { OPENAI_MODEL: "env" }, config: { vendors: { openai: { defaultModel: "set" } } } })).toBe("set");
    expect(await status({ config: { vendors: { openai: { models: ["only"] } } } })).toBe("only");
    expect(await status({ env: { OPENAI_BASE_URL: "http://127.0.0.1:9/v1" } })).toBe("gpt-5-mini");
    expect(await status({ env: { OPENAI_BASE_URL: "" } })).toBe("gpt-5-mini");
  });

  it("is not ready without a key, and says which one", async () => {
    await using host = await hostFor("http://127.0.0.1:9/v1", { secrets: {} });
    const status = (id: string) => host.use("plinth.model-provider").get(id).status({});
    expect(await status("groq")).toEqual({ ready: false, reason: "GROQ_API_KEY is not set." });
    expect(await status("ollama")).toMatchObject({ ready: false, reason: expect.stringContaining("127.0.0.1:9") });
    expect(await status("custom")).toMatchObject({ ready: false });
    expect(await status("openai")).toMatchObject({ ready: false });
  });

  it("finds a local server, and needs no key for it", async () => {
    await using server = await scriptedServer(models("qwen3"));
    await using host = await hostFor("", {
      secrets: {},
      env: { OLLAMA_HOST: new URL(server.url).host },
      config: { vendors: { custom: { baseUrl: server.url } } },
    });
    for (const id of ["ollama", "custom"]) {
      expect(await host.use("plinth.model-provider").get(id).status({})).toEqual({ ready: true, defaultModel: "qwen3" });
    }
    expect(server.seen.every(({ headers }) => headers.authorization === undefined)).toBe(true);
  });

  it("does not wait for a server that is silent, and remembers the silence", async () => {
    await using server = await scriptedServer((response) => void response.writeHead(200, { "content-type": "application/json" }).write("{"));
    await using host = await hostFor("", { secrets: {}, env: { OLLAMA_HOST: server.url } });
    const ollama = host.use("plinth.model-provider").get("ollama");
    expect(await ollama.status({})).toMatchObject({ ready: false });
    expect(await ollama.status({})).toMatchObject({ ready: false });
    expect(server.seen.length).toBe(1);
  });
});

describe("the table of vendors", () => {
  it("is what the manifest says", () => {
    const declared = manifest.provides.map(({ id, descriptor }) => ({ local: false, ...descriptor, id }));
    const needsOf = ({ id, baseUrl, secret }: (typeof vendors)[number]) => {
      if (baseUrl === undefined) return { needs: { config: [`vendors.${id}.baseUrl`] } };
      return secret === undefined ? {} : { needs: { secrets: [secret] } };
    };
    expect(declared).toEqual(
      vendors.map((vendor) => ({ id: vendor.id, title: vendor.title, priority: vendor.priority, local: vendor.local ?? false, ...needsOf(vendor) })),
    );
    expect(manifest.permissions.secrets).toEqual(vendors.flatMap(({ secret }) => secret ?? []));
    expect(manifest.permissions.env).toEqual(
      expect.arrayContaining(vendors.flatMap(({ baseUrlEnv, modelEnv }) => [baseUrlEnv, modelEnv].filter(Boolean))),
    );
  });

  it("takes every spelling of OLLAMA_HOST", () => {
    const ollama = vendors.find(({ id }) => id === "ollama")!;
    const url = (OLLAMA_HOST?: string) => endpointOf(ollama, {}, { OLLAMA_HOST }).baseUrl;
    expect(url()).toBe("http://127.0.0.1:11434/v1");
    expect(url("0.0.0.0")).toBe("http://127.0.0.1:11434/v1");
    expect(url("127.0.0.1:1234")).toBe("http://127.0.0.1:1234/v1");
    expect(url("http://models.example:80/")).toBe("http://models.example/v1");
    expect(url("https://models.example/ollama/v1/")).toBe("https://models.example/ollama/v1");
  });
});
