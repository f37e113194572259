import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { conditions: ["development"] },
  ssr: { resolve: { conditions: ["development"], externalConditions: ["development"] } },
  test: {
    include: ["{manifests,kernel,sdk,registry,extensions,test}/**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    // Shared machines stall whole processes now and then; a second failure is a failure. At home there is no second try.
    retry: process.env.CI ? 1 : 0,
  },
});
