import { configOf } from "./vitest.shared.ts"

/** What takes long because it is done with many real processes: git, agents' programs, a browser, whole commands. */
export const system: ReadonlyArray<string> = [
  "cli/{Batch,Canary,DryRun,Graphs,Inspect,LiveTerminal,Mistakes,Process,Watch}.test.ts",
  "graph/FlowEject.test.ts",
  "internal/subprocess/{Ending,Host}.test.ts",
  "mcp/Hostile.test.ts",
  "node/{TypeCheck,Validate}.test.ts",
  "report/html/Browser.test.ts",
  "store/Processes.test.ts",
  "workflow/Worktrees.test.ts",
  "worktree/{Gc,GitHostile,GitRefusal,GitWorktree}.test.ts"
]

export default configOf(2, {
  include: ["**/*.test.ts"],
  exclude: [...system, "crash/**", "real/**", "fixtures/**", "**/node_modules/**"],
  testTimeout: 30_000,
  hookTimeout: 30_000
})
