import { configOf } from "./vitest.shared.ts"

export default configOf(1, { include: ["real/**/*.test.ts"], testTimeout: 120_000, hookTimeout: 120_000 })
