import { system } from "./vitest.config.ts"
import { configOf } from "./vitest.shared.ts"

export default configOf(2, { include: [...system], testTimeout: 60_000, hookTimeout: 60_000 })
