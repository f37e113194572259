import { defineConfig } from "vitest/config";
// @ts-expect-error a program without types
import { Sequencer, Slowest } from "./.ci/tests.mjs";

/** A part of the tests, by name: `npm test -- --project unit`. */
const project = (name: string, include: string[], exclude: string[] = []) => ({
  extends: true as const,
  test: { name, include: include.map((one) => `${one}/**/*.test.ts`), exclude: ["**/node_modules/**", "**/dist/**", ...exclude] },
});

export default defineConfig({
  resolve: { conditions: ["development"] },
  ssr: { resolve: { conditions: ["development"], externalConditions: ["development"] } },
  test: {
    projects: [
      project("unit", ["manifests", "kernel", "sdk", "registry", "extensions"]),
      project("whole", ["test"], ["test/hostile/**"]),
      project("hostile", ["test/hostile"]),
    ],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // What comes about by itself is waited for; a loaded machine may take its time.
    expect: { poll: { timeout: 15_000 } },
    maxWorkers: 2,
    sequence: { sequencer: Sequencer },
    reporters: process.env.CI ? ["default", new Slowest()] : ["default"],
    // Shared machines stall whole processes now and then; a second failure is a failure. At home there is no second try.
    retry: process.env.CI ? 1 : 0,
  },
});
