import { configOf } from "./vitest.shared.ts"

export default configOf(2, {
  include: ["**/*.test.ts"],
  exclude: ["crash/**", "real/**", "fixtures/**", "**/node_modules/**"],
  testTimeout: 30_000,
  hookTimeout: 30_000
})
