import { execFile } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { checkConformance, describeConformance } from "@plinth/sdk/testing";
import { afterEach, describe, expect, it } from "vitest";
import { openAuthority, openProxy, openSecureSite } from "./company.testing.ts";
import { cleanUp, openHost, read } from "./lab.testing.ts";

afterEach(cleanUp);

const examine = async (own: Parameters<typeof openHost>[0], online = false) => {
  const host = await openHost(own);
  return (await host.use("plinth.check").get("network").examine({ online })).findings;
};

describeConformance({ describe, it }, "the check network", checkConformance, {
  open: async () => ({
    check: (await openHost({ env: { HTTPS_PROXY: "http://ann:word@p.test:3128", ALL_PROXY: "socks5://s.test" } })).use("plinth.check").get("network"),
  }),
});

it("nothing is said where no proxy is", async () => expect(await examine({}, true)).toEqual([]));

it("says which proxy is used, who named it and what goes directly, and no password", async () => {
  const env = { HTTPS_PROXY: "http://ann:secret-word@p.test:3128", http_proxy: "http://q.test", NO_PROXY: "a.test" };
  const found = await examine({ env, config: { noProxy: ["b.test"] } });
  expect(found.map(({ what }) => what)).toEqual([
    "sends https:// requests through the proxy http://p.test:3128",
    "sends http:// requests through the proxy http://q.test:80",
  ]);
  expect(found[0]).toMatchObject({
    severity: "notice",
    why: "It is named by HTTPS_PROXY, with a user and a password. Reached directly: this machine, b.test, a.test.",
  });
  expect(JSON.stringify(found)).not.toContain("secret-word");
});

it("a proxy that is not there is a problem, where it is asked", async () => {
  const proxy = await openProxy();
  const config = { proxy: `http://127.0.0.1:${proxy.port}` };
  expect((await examine({ config }, true)).map(({ severity }) => severity)).toEqual(["notice"]);
  expect(proxy.connections()).toBe(1);
  await cleanUp();
  expect((await examine({ config })).map(({ severity }) => severity)).toEqual(["notice"]);
  expect((await examine({ config }, true))[1]).toMatchObject({
    code: "PLINTH_NET",
    severity: "problem",
    why: expect.stringContaining("ECONNREFUSED"),
  });
});

describe("certificate authorities", () => {
  it("that nobody named here are said to be unknown, with the next step", async () => {
    const site = await openSecureSite(openAuthority().issue("IP:127.0.0.1"));
    await expect(read(await openHost(), ["loopback"], `https://127.0.0.1:${site.port}/`)).rejects.toMatchObject({
      code: "PLINTH_NET",
      next: expect.stringContaining("authorities of plinth.egress"),
    });
  });

  it("are added to Node's own: by a setting, and by SSL_CERT_FILE where that is there", async () => {
    const [one, two] = [openAuthority(), openAuthority()];
    const sites = [await openSecureSite(one.issue("IP:127.0.0.1")), await openSecureSite(two.issue("IP:127.0.0.1"))];
    const host = await openHost({ config: { authorities: [one.file] }, env: { SSL_CERT_FILE: two.file } });
    for (const { port } of sites) expect(await read(host, ["loopback"], `https://127.0.0.1:${port}/a`)).toMatchObject({ status: 200 });
    const other = await openHost({ config: { authorities: [one.file] }, env: { SSL_CERT_FILE: "/nowhere/ca.pem" } });
    expect(await read(other, ["loopback"], `https://127.0.0.1:${sites[0]?.port}/a`)).toMatchObject({ status: 200 });
  });

  it("that cannot be read are told of each request and by the check, and are used once they are there", async () => {
    const company = openAuthority();
    const site = await openSecureSite(company.issue("IP:127.0.0.1"));
    const file = join(company.file, "../named.pem");
    await writeFile(file, "no certificate");
    const host = await openHost({ config: { authorities: [file] } });
    const url = `https://127.0.0.1:${site.port}/a`;
    await expect(read(host, ["loopback"], url)).rejects.toMatchObject({ code: "PLINTH_CERTIFICATES", message: expect.stringContaining(file) });
    const { findings } = await host.use("plinth.check").get("network").examine({ online: false });
    expect(findings).toMatchObject([{ code: "PLINTH_CERTIFICATES", severity: "problem" }]);
    await rm(file);
    await expect(read(host, ["loopback"], url)).rejects.toMatchObject({ message: expect.stringContaining("ENOENT") });
    const { copyFile } = await import("node:fs/promises");
    await copyFile(company.file, file);
    expect(await read(host, ["loopback"], url)).toMatchObject({ status: 200 });
  });

  it("of NODE_EXTRA_CA_CERTS stay trusted beside them", async () => {
    const [extra, own] = [openAuthority(), openAuthority()];
    const sites = [await openSecureSite(extra.issue("IP:127.0.0.1")), await openSecureSite(own.issue("IP:127.0.0.1"))];
    const script = `
      const { Authorities } = await import(${JSON.stringify(new URL("authorities.ts", import.meta.url).href)});
      const { get } = await import("node:https");
      const secureContext = await new Authorities({ files: [${JSON.stringify(own.file)}], variable: undefined }).context();
      for (const port of ${JSON.stringify(sites.map(({ port }) => port))})
        await new Promise((resolve, reject) => get({ host: "127.0.0.1", port, path: "/", agent: false, secureContext }, (answer) => { console.log(answer.statusCode); answer.resume().on("end", resolve); }).on("error", reject));`;
    const env = { PATH: process.env.PATH, NODE_EXTRA_CA_CERTS: extra.file };
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], { env, cwd: import.meta.dirname });
    expect(stdout).toBe("200\n200\n");
  });
});
