import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "vitepress";

/** Written by `node .ci/docs.mjs`; without it only the pages by hand are there. */
const list = join(import.meta.dirname, "../reference/contracts.json");
const contracts: { id: string; title: string }[] = existsSync(list) ? JSON.parse(readFileSync(list, "utf8")) : [];

const reference = (text: string, page: string) => ({ text, link: `/reference/${page}` });

export default defineConfig({
  title: "Plinth",
  description: "A plugin host for AI agents.",
  lang: "en-GB",
  head: [["link", { rel: "icon", href: "/icon.svg", type: "image/svg+xml" }]],
  srcExclude: ["generate/**", "changes/**", "README.md"],
  themeConfig: {
    logo: "/icon.svg",
    search: { provider: "local" },
    outline: { level: [2, 3] },
    nav: [
      { text: "Start", link: "/getting-started" },
      { text: "Write an extension", link: "/writing-your-first-extension" },
      { text: "Architecture", link: "/architecture" },
      { text: "Reference", link: "/reference/commands" },
    ],
    sidebar: [
      {
        text: "Guide",
        items: [
          { text: "What Plinth is", link: "/" },
          { text: "Getting started", link: "/getting-started" },
          { text: "Your first extension", link: "/writing-your-first-extension" },
          { text: "Plugins", link: "/plugins" },
          { text: "Permissions", link: "/permissions" },
          { text: "What the agent is told", link: "/workspace" },
          { text: "Approvals", link: "/approvals" },
          { text: "Tools of agents", link: "/tools" },
          { text: "Tasks", link: "/tasks" },
          { text: "While it works", link: "/queueing" },
          { text: "Sub-agents", link: "/sub-agents" },
          { text: "Channels", link: "/channels" },
          { text: "Models and vendors", link: "/models" },
          { text: "Configuration", link: "/configuration" },
          { text: "Conversations", link: "/sessions" },
          { text: "Operating", link: "/operating" },
          { text: "Running a registry", link: "/registry" },
        ],
      },
      {
        text: "How it works",
        items: [
          { text: "Architecture", link: "/architecture" },
          { text: "Guest API", link: "/guest-api" },
          { text: "WebSocket and HTTP API", link: "/api" },
          { text: "Benchmarks", link: "/benchmarks" },
        ],
      },
      {
        text: "For authors",
        items: [
          { text: "From nothing to published", link: "/authors/" },
          { text: "A recording", link: "/journey" },
          { text: "Artifacts", link: "/authors/artifacts" },
          { text: "Channel", link: "/authors/channel" },
          { text: "Chat command", link: "/authors/chat-command" },
          { text: "Contract of your own", link: "/authors/contract" },
          { text: "Contract's second major", link: "/authors/contract-majors" },
          { text: "Data", link: "/authors/data" },
          { text: "Harness", link: "/authors/harness" },
          { text: "Hook", link: "/authors/hook" },
          { text: "HTTP route", link: "/authors/http-route" },
          { text: "Model API", link: "/authors/model-api" },
          { text: "Model provider", link: "/authors/model-provider" },
          { text: "Model vendor", link: "/authors/model-vendor" },
          { text: "Speech, pictures, vectors", link: "/authors/media" },
          { text: "Plugin source", link: "/authors/plugin-source" },
          { text: "Session store", link: "/authors/session-store" },
          { text: "Tool", link: "/authors/tool" },
          { text: "Tool set", link: "/authors/tool-set" },
        ],
      },
      {
        text: "Security",
        items: [
          { text: "Whose words are these?", link: "/security/origin" },
          { text: "Security model", link: "/security/model" },
          { text: "Walls of the system", link: "/security/walls" },
          { text: "Containment", link: "/security/containment" },
          { text: "Supply chain", link: "/security/supply-chain" },
        ],
      },
      {
        text: "Reference",
        items: [
          reference("Catalogue", "catalogue"),
          reference("Changes", "changes"),
          reference("Commands", "commands"),
          reference("Slash commands", "chat-commands"),
          reference("Gateway methods and routes", "gateway-methods"),
          reference("First-party extensions", "extensions"),
          reference("Manifest", "manifest"),
          reference("Configuration file", "config"),
          reference("Lockfile", "lockfile"),
          reference("Hooks", "hooks"),
          reference("Error codes", "errors"),
        ],
      },
      {
        text: "Contracts",
        collapsed: true,
        items: [
          reference("All contracts", "contracts/"),
          reference("Shared types", "contracts/types"),
          ...contracts.map(({ id }) => reference(id, `contracts/${id}`)),
        ],
      },
    ],
  },
});
