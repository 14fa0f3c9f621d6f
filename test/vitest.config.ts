import { defineConfig } from "vitest/config"

export default defineConfig({
  cacheDir: "../node_modules/.vite",
  resolve: { conditions: ["owf:source"] },
  ssr: { resolve: { conditions: ["owf:source"] } },
  test: {
    root: import.meta.dirname,
    include: ["**/*.test.ts"],
    exclude: ["crash/**", "real/**", "fixtures/**", "**/node_modules/**"],
    globalSetup: ["./lib/build.ts"],
    pool: "forks",
    poolOptions: { forks: { minForks: 1, maxForks: 2 } },
    testTimeout: 30_000,
    hookTimeout: 30_000
  }
})
