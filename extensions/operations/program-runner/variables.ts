import { PlinthError } from "@plinth/sdk";

/** They decide which code a program is made of, whatever it is. */
const LOADER = /^(LD_.*|GLIBC_TUNABLES|GCONV_PATH|NLSPATH|LOCPATH)$/;
/** The way out is the host's to say. */
const WAY = /^(https?_proxy|all_proxy|no_proxy|node_use_env_proxy)$/i;

/** What an extension may give its program, checked. */
export function variablesOf(extension: string, asked: Readonly<Record<string, string>> = {}): Record<string, string> {
  for (const [name, value] of Object.entries(asked)) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || value.includes("\0")) throw refused(extension, name, "it is not a variable's name and text");
    if (LOADER.test(name)) throw refused(extension, name, "it would put other code into the program");
  }
  return Object.fromEntries(Object.entries(asked).filter(([name]) => !WAY.test(name)));
}

/**
 * Where a program's clients find the host's proxy. What is on this machine is reached directly, in its own empty network, where
 * it starts servers of its own; unless this machine was granted.
 */
export function wayOut(port: number, password: string, hosts: readonly string[]): Record<string, string> {
  const proxy = `http://plinth:${password}@127.0.0.1:${port}`;
  const none = hosts.some((one) => one === "loopback" || /(^|\/)(127\.|\[::1\])/.test(one)) ? "" : "localhost,127.0.0.1,::1";
  const names = { http_proxy: proxy, HTTP_PROXY: proxy, https_proxy: proxy, HTTPS_PROXY: proxy, no_proxy: none, NO_PROXY: none };
  return { ...names, NODE_USE_ENV_PROXY: "1" };
}

const refused = (extension: string, name: string, why: string): PlinthError =>
  new PlinthError("PLINTH_PERMISSION", `${extension} may not set ${JSON.stringify(name.slice(0, 100))} for a program: ${why}.`, {
    extension,
    next: "Leave it out.",
  });
