import { configOf } from "./vitest.shared.ts"

export default configOf(2, { include: ["crash/**/*.test.ts"], testTimeout: 300_000, hookTimeout: 60_000 })
