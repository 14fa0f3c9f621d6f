import { defineConfig } from "vitest/config"
import type { ViteUserConfig } from "vitest/config"

type Tests = NonNullable<ViteUserConfig["test"]>

/** A configuration for some of the tests, which read the library's sources; they run in so many processes at most. */
export const configOf = (maxForks: number, tests: Tests): ViteUserConfig =>
  defineConfig({
    cacheDir: "../node_modules/.vite",
    resolve: { conditions: ["owf:source"] },
    ssr: { resolve: { conditions: ["owf:source"] } },
    test: {
      root: import.meta.dirname,
      globalSetup: ["./lib/build.ts"],
      pool: "forks",
      poolOptions: { forks: { minForks: 1, maxForks } },
      ...tests
    }
  })
