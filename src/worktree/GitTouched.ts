/**
 * What a call changed, as its write scope names it.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import type { Change } from "../domain/Change.ts"
import type { Touched, Tree } from "./Worktree.ts"

/**
 * The names of changed files relative to where the call worked. A link is also where it leads, whether that is there or
 * not, because who writes to one writes to the other.
 * @category queries
 * @since 0.1.0
 */
export const find = Effect.fn("GitTouched.find")(
  function*({ path: directory, root }: Pick<Tree, "path" | "root">, changes: ReadonlyArray<Change>) {
    const path = yield* Path.Path
    const nameOf = (file: string) => path.relative(directory, file).replaceAll(path.sep, "/")
    return yield* Effect.forEach(changes, (change) =>
      Effect.gen(function*() {
        const file = path.join(root, change.path)
        const target = change.kind === "deleted" ? undefined : yield* targetOf(file)
        const touched: Touched = {
          change,
          names: [
            nameOf(file),
            ...(change.from === null ? [] : [nameOf(path.join(root, change.from))]),
            ...(target === undefined ? [] : [nameOf(target)])
          ]
        }
        return touched
      }))
  }
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Where a link leads; undefined for what is none. */
const targetOf = Effect.fnUntraced(function*(file: string) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const link = yield* Effect.option(files.readLink(file))
  if (link._tag === "None") return undefined
  const real = yield* Effect.option(files.realPath(file))
  return real._tag === "Some" ? real.value : path.resolve(path.dirname(file), link.value)
})
