import { readdir, readFile } from "node:fs/promises";
import { expect } from "vitest";
import { installed } from "../authority.testing.ts";
import { by, type HostileCase, type Stop } from "../case.ts";

/** The call's own deadline comes first on a slow machine; where there is no wall, none of them runs. */
const ANYWAY: readonly Stop[] = [by("deadline", "PLINTH_DEADLINE"), by("broker", "PLINTH_SANDBOX")];
const QUIET = by("inert", "none");
const TOO_MUCH = by("call budget", "PLINTH_QUOTA");
const permissions = { exec: ["*"], fs: ["data"] };

/** What a program printed, or how it was ended. */
const run = (program: string, args: readonly string[], options: object = {}): string =>
  `return attempt(async () => { const { stdout, stderr, code } = await ctx.exec(${JSON.stringify(program)}, ${JSON.stringify(args)}, ${JSON.stringify(options)}); return [stdout, stderr, code].join(" "); });`;

const bash = (script: string, options: object = {}): string => run("bash", ["-c", script], options);
const perl = (script: string): string => run("perl", ["-e", script]);

/** By tier they are all the same: the host runs them. */
const row = (id: string, tries: string, stopped: Stop | null, code: string, check?: HostileCase["check"]): HostileCase => ({
  ...{
    id,
    tries,
    phase: "call",
    stopped: { isolate: [...(stopped === null ? [] : [stopped]), ...ANYWAY] },
    manifest: { permissions },
    code,
    blameless: true,
  },
  ...(check === undefined ? {} : { check }),
});

const silent: HostileCase["check"] = (_attack, { message }) => expect(message).not.toMatch(/did-/);

/** No process of the machine has this word in its command line. */
async function gone(word: string): Promise<void> {
  const commands = async (): Promise<string[]> => {
    const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
    return Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")));
  };
  await expect.poll(async () => (await commands()).filter((one) => one.includes(word) && !one.includes("bash")), { timeout: 10_000 }).toEqual([]);
}

/** Begins what goes on after the call, so that no call's deadline says how it ended; then tells how. */
const DEAF = `
  const script = "trap '' TERM HUP INT QUIT PIPE; (trap '' TERM HUP INT QUIT; exec -a program-deaf-child sleep 1000) & while :; do read -r line && echo heard $line; done";
  const told = {};
  const spoken = async () => {
    const program = await ctx.spawn("bash", ["-c", script]);
    const decoder = new TextDecoder();
    const chunks = program.stdout[Symbol.asyncIterator]();
    let text = "";
    const line = async () => {
      while (!text.includes("\\n")) text += decoder.decode((await chunks.next()).value, { stream: true });
      const [first, ...rest] = text.split("\\n");
      text = rest.join("\\n");
      return first;
    };
    await program.stdin.write("before\\n");
    told.heard = [await line()];
    for (const name of ["SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT"]) await program.signal(name);
    await program.stdin.write("after\\n");
    told.heard.push(await line());
    await program.kill();
    told.killed = (await program.exited).signal;
  };
  const timed = () => ctx.exec("bash", ["-c", script], { timeoutMs: 800 });
  if (input.args.begin) {
    globalThis.told = undefined;
    void (async () => { await spoken(); await timed(); })().catch(({ code, message, extension }) => { globalThis.told = { ...told, code, message, extension }; });
  }
  return say(globalThis.told ?? "not yet");`;

/** Programs that were granted, and mean no good. */
export const cases: HostileCase[] = [
  row(
    "program-fork-bomb",
    "runs a program that starts itself twice, without end",
    TOO_MUCH,
    bash("f() { f | f & }; f; sleep 1000", { timeoutMs: 1_500 }),
  ),
  row(
    "program-memory-bomb",
    "runs a program that keeps three thousand million bytes",
    TOO_MUCH,
    bash("yes | head -c 3G | tail -c 3G | sleep 1000", { timeoutMs: 30_000 }),
  ),
  row(
    "program-uncounted-memory",
    "runs a program that asks for memory that nobody is charged for: memfd, System V",
    QUIET,
    perl(
      'my ($memfd, $shm) = `uname -m` =~ /aarch64/ ? (279, 194) : (319, 29); for my $call ([$memfd, "x", 0], [$shm, 0, 1 << 20, 0777]) { my ($number, @rest) = @$call; print syscall($number, @rest) < 0 ? "refused " : "did-get "; }',
    ),
    silent,
  ),
  {
    ...row("program-deaf", "runs a program that ignores every signal it can, and all that it starts does too", null, DEAF),
    stopped: { isolate: [by("time limit", "PLINTH_DEADLINE"), by("broker", "PLINTH_SANDBOX")] },
    async attack(attack) {
      await installed(attack);
      let found = await attack.call({ begin: true });
      for (const until = Date.now() + 90_000; found.message === "not yet" && Date.now() < until; await attack.sleep(100)) found = await attack.call();
      const { heard, killed, code, message, extension } = JSON.parse(found.message);
      if (code === "PLINTH_SANDBOX") return { code, message };
      // It was asked to end, and answered afterwards; what cannot be ignored ended it.
      expect([heard, killed]).toEqual([["heard before", "heard after"], "SIGKILL"]);
      // Nobody killed the second one: its own time did, and no call's deadline.
      expect([message, extension]).toEqual(["bash ran longer than 800 ms.", attack.id]);
      await gone("program-deaf-child");
      return { code, message, extension, by: "time limit" };
    },
  },
  row(
    "program-daemon",
    "runs a program that ends and leaves one behind, twice forked, in a session of its own",
    QUIET,
    bash("(setsid bash -c '(exec -a program-daemon-child setsid sleep 1000) & exit' &) ; sleep 0.2; echo left"),
    () => gone("program-daemon-child"),
  ),
  row(
    "program-kept-output",
    "runs a program that ends while a child of it keeps its output open",
    QUIET,
    bash("(exec -a program-output-child sleep 1000) & echo ended; exit 0"),
    () => gone("program-output-child"),
  ),
  row("program-flood", "runs a program that writes on both of its outputs without end", TOO_MUCH, bash("yes & yes >&2")),
  row(
    "program-deaf-input",
    "writes without end to a program that reads nothing",
    QUIET,
    `return attempt(async () => {
      const program = await ctx.spawn("sleep", ["1000"]);
      let taken = 0;
      const writing = (async () => { for (;;) { await program.stdin.write("x".repeat(65536)); taken += 65536; } })().catch(() => {});
      await ctx.clock.sleep(700);
      await program.kill();
      await writing;
      return taken > 8 * 1048576 ? "did-take " + taken : "waits";
    });`,
    silent,
  ),
  row(
    "program-terminal",
    "runs a program that prints what steers terminals and makes them answer, and looks for another one",
    QUIET,
    `return attempt(async () => {
      const script = "printf '\\\\033]0;owned\\\\007\\\\033[6n\\\\033]52;c;ZXZpbA==\\\\007\\\\033[2J'; read -rt 0.3 answer && echo did-hear; (exec 9<>/dev/console) 2>/dev/null && echo did-open; for one in /dev/pts/*; do [ -e $one ] && [ $one != /dev/pts/ptmx ] && echo did-see $one; done; [ -t 0 ] && echo terminal";
      const program = await ctx.spawn("bash", ["-c", script], { pty: { columns: 80, rows: 24 } });
      const decoder = new TextDecoder();
      let text = "";
      for await (const chunk of program.stdout) text += decoder.decode(chunk, { stream: true });
      return "printed " + JSON.stringify(text);
    });`,
    async (attack, found) => {
      await silent(attack, found);
      if (found.code !== "none") return;
      expect(found.message).toContain("terminal");
    },
  ),
  {
    ...row("program-around-its-proxy", "gives a program proxies of its own and no proxy, and has it go beside the host's and through it", QUIET, ""),
    manifest: { permissions: { ...permissions, net: ["api.example.com"] } },
    parts: ({ loopbackUrl, loopbackPort }) => ({
      code: `
        const to = ${JSON.stringify(`${loopbackUrl}/program-around-its-proxy`)};
        const env = { http_proxy: ${JSON.stringify(loopbackUrl)}, HTTP_PROXY: to, all_proxy: to, no_proxy: "*", NO_PROXY: "127.0.0.1", NODE_USE_ENV_PROXY: "0" };
        const script = [
          'curl -sm 2 -o /dev/null --noproxy "*" ' + to + ' && echo did-go-beside',
          'curl -sm 2 -f -o /dev/null ' + to + ' && echo did-go-through',
          'curl -sm 2 -f -o /dev/null -p --proxy "$http_proxy" ' + to + ' && echo did-tunnel',
          'curl -sm 2 -f -o /dev/null --proxy ' + ${JSON.stringify(loopbackUrl)} + ' http://api.example.com/ && echo did-take-another',
          '(exec 3<>/dev/tcp/127.0.0.1/${loopbackPort}) 2>/dev/null && echo did-connect',
          'case "$http_proxy" in http://plinth:*) ;; *) echo did-set-it;; esac',
        ].join("; ");
        return attempt(async () => { const { stdout } = await ctx.exec("bash", ["-c", script], { env, net: ["api.example.com"] }); return "tried " + stdout; });`,
    }),
    check: silent,
  },
];
