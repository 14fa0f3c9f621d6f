import { defineConfig } from "vitest/config"

export default defineConfig({
  cacheDir: "../node_modules/.vite",
  resolve: { conditions: ["owf:source"] },
  ssr: { resolve: { conditions: ["owf:source"] } },
  test: {
    root: import.meta.dirname,
    include: ["crash/**/*.test.ts"],
    globalSetup: ["./lib/build.ts"],
    pool: "forks",
    poolOptions: { forks: { minForks: 1, maxForks: 2 } },
    testTimeout: 300_000,
    hookTimeout: 60_000
  }
})
