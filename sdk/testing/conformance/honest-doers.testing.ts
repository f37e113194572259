// Small honest providers of contracts that nobody provides yet: those that do something.
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, normalize } from "node:path";
import { Feed } from "../../extension/feed.ts";
import { toolResultsOf } from "../../extension/index.ts";
import { no, type Provider, raise } from "./honest.testing.ts";

type Any = any;

export const webSearch = (): Provider => ({
  search({ count = 10, freshness }, { signal }) {
    signal.throwIfAborted();
    if (freshness !== undefined) throw no("PLINTH_WEB_REQUEST", { param: "freshness" });
    return { results: ["a", "b", "c"].slice(0, count).map((name) => ({ title: name, url: `https://${name}.example/` })) };
  },
});

export const webFetch = (): Provider => ({
  async fetch({ url, maxChars = 20_000, from = 0 }, { signal }) {
    if (url.includes("slow")) await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    if (url.includes("forbidden")) throw no("PLINTH_WEB_ADDRESS");
    const text = "All work and no play. ".repeat(20);
    const end = from + maxChars;
    const status = url.includes("missing") ? 404 : 200;
    const finalUrl = url.replace("redirecting", "page");
    return {
      url,
      finalUrl,
      status,
      text: text.slice(from, end),
      chars: text.length,
      ...(end < text.length ? { next: end } : {}),
      fetchedAt: Date.now(),
    };
  },
});

export function environment(): Provider {
  const all = new Map<string, Any>();
  const keys = new Map<string, string>();
  const get = (id: string): Any => all.get(id) ?? raise(no("PLINTH_ENVIRONMENT_UNKNOWN"));
  const inside = (dir: string, path: string): string => {
    const at = normalize(join(dir, path));
    if (path.startsWith("/") || !`${at}/`.startsWith(`${dir}/`)) throw no("PLINTH_ENVIRONMENT_PATH");
    return at;
  };
  const base64 = (bytes: Uint8Array | string) => Buffer.from(bytes).toString("base64");
  return {
    async *prepare({ key = "" }) {
      let id = keys.get(key);
      if (id === undefined) {
        const workspace = await mkdtemp(join(tmpdir(), "plinth-place-"));
        id = `e${all.size}`;
        all.set(id, { id, kind: "local", status: "ready", workspace, createdAt: Date.now() });
        if (key !== "") keys.set(key, id);
      }
      yield { type: "ready", environment: all.get(id) };
    },
    async *run({ id, program, args = [] }) {
      const { workspace } = get(id);
      const end = await new Promise<{ code: number; out: string }>((resolve) => {
        execFile(program, args, { cwd: workspace }, (error, out) => resolve({ code: Number(error?.code ?? 0), out }));
      });
      if (end.out !== "") yield { type: "stdout", base64: base64(end.out) };
      yield { type: "exit", code: end.code };
    },
    async put({ id, path, base64: bytes }) {
      const at = inside(get(id).workspace, path);
      await mkdir(dirname(at), { recursive: true });
      await writeFile(at, Buffer.from(bytes, "base64"));
      return {};
    },
    async *collect({ id, paths }) {
      const { workspace } = get(id);
      for (const path of paths) {
        const at = inside(workspace, path);
        const found = await stat(at).catch(() => raise(no("PLINTH_ENVIRONMENT_PATH")));
        const names = found.isDirectory() ? (await readdir(at)).map((name) => join(path, name)) : [path];
        for (const name of names) yield { path: name, base64: base64(await readFile(join(workspace, name))), last: true };
      }
    },
    list: () => ({ environments: [...all.values()] }),
    async release({ id }) {
      const found = all.get(id);
      if (found !== undefined) await rm(found.workspace, { recursive: true, force: true });
      return { released: all.delete(id) };
    },
  };
}

export const skillSource = (): Provider => ({
  list: () => ({ skills: [{ name: "sweep", description: "Sweeps.", source: "memory", usable: true, files: ["more.md"] }] }),
  read({ name, file = "SKILL.md" }) {
    const found = name === "sweep" ? ({ "SKILL.md": "Sweep.", "more.md": "More." } as Record<string, string>)[file] : undefined;
    return found === undefined ? raise(no("PLINTH_SKILL_UNKNOWN")) : { text: found };
  },
});

export const bundleFormat = (): Provider => ({
  detect: ({ names }) => ({ fits: names.includes("foreign.json") }),
  convert({ files, id }) {
    const mark = files.find(({ path }: Any) => path === "foreign.json");
    if (mark === undefined) throw no("PLINTH_BUNDLE_KIND");
    if (!mark.text.startsWith("{")) throw no("PLINTH_BUNDLE_INVALID", { path: "foreign.json" });
    if (files.some(({ path }: Any) => path.includes(".."))) throw no("PLINTH_BUNDLE_INVALID", { path: ".." });
    const manifest = { id, version: "1.0.0", title: "Converted", description: "Made of another.", engines: { plinth: "*" } };
    return {
      files: [{ path: "plinth.json", text: JSON.stringify(manifest) }],
      carried: ["its name"],
      lost: [{ what: "all else", why: "It is a test." }],
    };
  },
});

export function browserDriver(): Provider {
  let running = false;
  let pages = 0;
  const tabs = new Map<string, { url: string; pressed: boolean; page: number }>();
  const get = (tab: string) => tabs.get(tab) ?? raise(no("PLINTH_BROWSER_TAB"));
  const shown = (tab: string) => ({ tab, url: get(tab).url, title: "A page" });
  const allowed = (url: string) => (url.includes("forbidden") ? raise(no("PLINTH_BROWSER_ADDRESS")) : url);
  return {
    status: () => ({ running, ready: true, profiles: ["main"] }),
    start: () => ({ running: (running = true) }),
    stop() {
      tabs.clear();
      return { running: (running = false) };
    },
    tabs: () => ({ tabs: [...tabs.keys()].map(shown) }),
    open({ url }) {
      const tab = `t${++pages}`;
      tabs.set(tab, { url: allowed(url), pressed: false, page: pages });
      return { tab: shown(tab) };
    },
    navigate({ tab, url }) {
      const found = get(tab);
      tabs.set(tab, { url: url === undefined ? found.url : allowed(url), pressed: false, page: ++pages });
      return { tab: shown(tab) };
    },
    focus: ({ tab }) => ({ tab: shown(tab) }),
    close: ({ tab }) => ({ closed: tabs.delete(tab) }),
    snapshot({ tab }) {
      const { pressed, page } = get(tab);
      return {
        tab: shown(tab),
        text: `${pressed ? "pressed" : "not pressed"}\nbutton Press me [ref=${page}b]\ntextbox Name [ref=${page}n]`,
        refs: 2,
      };
    },
    screenshot: ({ tab }) => ({ tab: shown(tab), image: { type: "image", mimeType: "image/png", base64: "AAAA" } }),
    act({ tab, actions }) {
      const found = get(tab);
      for (const { kind, ref } of actions) {
        if (!ref.startsWith(String(found.page))) throw no("PLINTH_BROWSER_REF");
        if (kind === "click") found.pressed = true;
      }
      return { tab: shown(tab), done: actions.length };
    },
  };
}

export function discovery(): Provider {
  const known = new Map<string, Any>();
  const watchers = new Set<Feed<Any>>();
  return {
    async *advertise({ service, name, port, txt }, { signal }) {
      let own = name;
      for (let n = 2; known.has(own); n++) own = `${name} (${n})`;
      known.set(own, { service, name: own, port, ...(txt === undefined ? {} : { txt }) });
      try {
        yield { name: own };
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      } finally {
        known.delete(own);
        for (const watcher of watchers) watcher.push({ type: "lost", name: own });
      }
    },
    async *browse(_input, { signal }) {
      const feed = new Feed<Any>();
      watchers.add(feed);
      signal.addEventListener("abort", () => feed.end());
      for (const found of known.values()) yield { type: "found", found };
      yield* feed.read();
    },
    resolve: ({ name }) => ({ found: known.get(name) ?? raise(no("PLINTH_SERVICE_UNKNOWN")) }),
  };
}

export const context = (): Provider => ({
  contribute({ maxChars }) {
    const sections = [
      { id: "rules", text: "Be kind.", stability: "fixed" },
      { id: "now", text: `It is ${Date.now()}.`, stability: "turn" },
    ];
    let room = maxChars;
    return { sections: sections.filter(({ text }) => (room -= text.length) >= 0) };
  },
});

export const compactor = (fails = false): Provider => ({
  async *compact({ history, keepTokens }, { signal }) {
    signal.throwIfAborted();
    if (history.length < 3) throw no("PLINTH_COMPACT_SHORT");
    if (fails) throw no("PLINTH_COMPACT_FAILED");
    let at = history.length;
    for (let left = keepTokens; at > 1 && history[at - 1].tokens <= left; at--) left -= history[at - 1].tokens;
    while (at < history.length && toolResultsOf(history[at].message.content).length > 0) at++;
    yield { type: "progress" };
    yield { type: "summary", content: [{ type: "text", text: "They talked." }], firstKept: history[at]?.id ?? null };
  },
});
