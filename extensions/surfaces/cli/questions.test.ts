import { PassThrough, Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { type Question, Questions } from "./questions.ts";

const question = (id: string): Question => ({
  id,
  question: `Allow ${id}?`,
  choices: [
    { key: "y", argv: ["approvals", "answer", id, "once"] },
    { key: "n", argv: ["approvals", "answer", id, "deny"] },
  ],
});

function terminal(run?: (argv: string[]) => Promise<void>) {
  const keyboard = new PassThrough();
  let written = "";
  const screen = new Writable({
    write: (chunk, _, done) => {
      written += String(chunk);
      done();
    },
  });
  const ran: string[] = [];
  /** Since it was asked for last. */
  const shown = () => {
    const text = written;
    written = "";
    return text;
  };
  const questions = new Questions(keyboard, screen, run ?? (async (argv) => void ran.push(argv.join(" "))));
  /** As a person who has read what is there. */
  const type = async (line: string) => {
    await sleep(350);
    keyboard.write(`${line}\n`);
    await sleep(10);
  };
  return { keyboard, questions, ran, shown, type };
}

it("shows once what the question is about", async () => {
  const { questions, shown, type } = terminal();
  questions.ask({ ...question("one"), intro: "Everything about it.\n" });
  await type("what?");
  expect(shown()).toBe("Everything about it.\nAllow one? [y/n] Allow one? [y/n] ");
});

it("asks one at a time, in order, and runs what was chosen", async () => {
  const { questions, ran, shown, type } = terminal();
  questions.ask(question("one"));
  questions.ask(question("two"));
  expect(shown()).toBe("Allow one? [y/n] ");
  await type("y");
  expect(shown()).toBe("Allow two? [y/n] ");
  await type(" NO ");
  expect(ran).toEqual(["approvals answer one once", "approvals answer two deny"]);
});

it("takes neither Enter nor another word for an answer", async () => {
  const { questions, ran, type } = terminal();
  questions.ask(question("one"));
  await type("");
  await type("yup");
  expect(ran).toEqual([]);
});

it("takes nothing that was typed before the question could be read", async () => {
  const { keyboard, questions, ran, type } = terminal();
  keyboard.write("y\ny\n");
  questions.ask(question("one"));
  questions.ask(question("two"));
  await sleep(50);
  expect(ran).toEqual([]);
  await type("n");
  keyboard.write("y\n");
  await sleep(50);
  expect(ran).toEqual(["approvals answer one deny"]);
});

it("goes on to the next one when the first was answered elsewhere", async () => {
  const { questions, ran, shown, type } = terminal();
  questions.ask(question("one"));
  questions.ask(question("two"));
  questions.settle("one");
  expect(shown()).toBe("Allow one? [y/n] \nAllow two? [y/n] ");
  await type("y");
  expect(ran).toEqual(["approvals answer two once"]);
});

it("forgets one that was answered elsewhere before it was shown", async () => {
  const { questions, shown, type } = terminal();
  questions.ask(question("one"));
  questions.ask(question("two"));
  questions.settle("two");
  await type("y");
  expect(shown()).toBe("Allow one? [y/n] ");
});

it("says when nobody can type any more", async () => {
  const { keyboard, questions, shown } = terminal();
  questions.ask(question("one"));
  keyboard.end();
  await sleep(20);
  expect(shown()).toBe("Allow one? [y/n] (not answered here)\n");
});

it("asks again when what was chosen failed, until it needs no answer any more", async () => {
  const { questions, shown, type } = terminal(async () => {
    throw new Error("It was answered before.");
  });
  questions.ask(question("one"));
  questions.ask(question("two"));
  await type("y");
  expect(shown()).toBe("Allow one? [y/n] It was answered before.\nAllow one? [y/n] ");
  questions.settle("one");
  expect(shown()).toBe("\nAllow two? [y/n] ");
  await questions.close();
});
