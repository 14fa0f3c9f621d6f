import { defineConfig } from "vitest/config"

export default defineConfig({
  cacheDir: "../node_modules/.vite",
  resolve: { conditions: ["owf:source"] },
  ssr: { resolve: { conditions: ["owf:source"] } },
  test: {
    root: import.meta.dirname,
    include: ["real/**/*.test.ts"],
    globalSetup: ["./lib/build.ts"],
    pool: "forks",
    poolOptions: { forks: { minForks: 1, maxForks: 1 } },
    testTimeout: 120_000,
    hookTimeout: 120_000
  }
})
