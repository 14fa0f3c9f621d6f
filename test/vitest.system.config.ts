import { system } from "./vitest.config.ts"
import { configOf } from "./vitest.shared.ts"

export default configOf(2, { include: [...system], testTimeout: 30_000, hookTimeout: 30_000 })
