/**
 * `owf worktrees [list] [RUN_ID]`: lists what isolated calls left in worktrees of their own.
 */
import * as Effect from "effect/Effect"
import * as Format from "../Format.ts"
import { Host } from "../Host.ts"
import { note, print, printJson } from "../Output.ts"
import * as RunView from "../RunView.ts"
import * as Spec from "../Spec.ts"
import type { TreeView } from "../TreeView.ts"
import * as Usage from "../UsageError.ts"
import { reading } from "./shared.ts"

/**
 * Lists what isolated calls left in worktrees of their own.
 * @category constructors
 * @since 0.1.0
 */
export const worktrees = Spec.make({
  name: "worktrees",
  summary: "List the worktrees that isolated calls left",
  details:
    "They are those of the repository of the working directory. A worktree is kept as long as it holds anything that its " +
    "base does not; `owf apply` brings that into your files, `owf gc` removes what is held elsewhere.",
  positional: {
    name: "list",
    description: "The word list, which may be left out, and the id of a run, for its worktrees only",
    repeated: true
  },
  examples: ["owf worktrees list", "owf worktrees list latest --json"],
  flags: reading
}, ({ home, json }, _, words) =>
  Effect.gen(function*() {
    const [run, ...more] = words[0] === "list" ? words.slice(1) : words
    if (more.length > 0) {
      return yield* Usage.make("owf worktrees list takes one run at most.", "Such as owf worktrees list latest.")
    }
    const host = yield* Host
    const trees = yield* host.trees.list(host.home(home), run)
    if (json) return yield* printJson(trees)
    if (trees.length === 0) return yield* note("There are no worktrees of calls here.")
    yield* print(Format.table([["call", "state", "branch", "path"], ...trees.map((tree) => row(tree, host.shown))]))
    const kept = trees.find(({ state }) => state === "kept")
    if (kept === undefined) return
    const rest = `${kept.call_id}${RunView.homeFlag(home === undefined ? undefined : host.shown(host.home(home)))}`
    yield* note(`look at it with: owf diff ${rest}\nbring it into your files with: owf apply ${rest}`)
  }))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const row = (tree: TreeView, shown: (path: string) => string): ReadonlyArray<string> => [
  tree.call_id,
  stateOf(tree),
  tree.branch,
  shown(tree.path)
]

const stateOf = ({ changes, detail, state }: TreeView): string => {
  switch (state) {
    case "in_use":
      return "at work"
    case "kept":
      return changes === null ? "changed" : `${Format.count(changes, "file")} changed`
    case "clean":
      return "nothing changed"
    case "missing":
      return "directory is gone"
    case "unreadable":
      return Format.clip(detail ?? "cannot be read", 80)
  }
}
