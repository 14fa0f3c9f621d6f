/**
 * Worktrees of git on Node, loaded when the first call asks for one: runs without agents that have hands load neither git
 * nor the code that starts programs.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Worktree } from "../worktree/Worktree.ts"

/**
 * Worktrees of the repository that a directory is in.
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: {
  /** Directory agents work in when they are not isolated. */
  readonly cwd: string
  /** Absolute path of the home, below which runs have their directories. */
  readonly home: string
}): Layer.Layer<Worktree> =>
  Layer.scoped(
    Worktree,
    Effect.gen(function*() {
      const scope = yield* Effect.scope
      // who asks first may be interrupted, those that wait for the same are not
      const loaded = yield* Effect.cached(Effect.uninterruptible(Effect.flatMap(
        Effect.promise(() => git(options)),
        (layer) => Effect.map(Layer.buildWithScope(layer, scope), Context.get(Worktree))
      )))
      return Worktree.of({
        acquire: (wanted) => Effect.flatMap(loaded, (git) => git.acquire(wanted)),
        collect: (tree) => Effect.flatMap(loaded, (git) => git.collect(tree)),
        snapshot: Effect.flatMap(loaded, (git) => git.snapshot),
        touched: (tree, changes) => Effect.flatMap(loaded, (git) => git.touched(tree, changes)),
        holds: (evidence) => Effect.flatMap(loaded, (git) => git.holds(evidence))
      })
    })
  )

/**
 * Variables of the process that programs get as they need them.
 * @category constructors
 * @since 0.1.0
 */
export const environment = (): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) => value === undefined ? [] : [[name, value] as const])
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const git = async (options: { readonly cwd: string; readonly home: string }): Promise<Layer.Layer<Worktree>> => {
  const [GitWorktree, Supervisor, files, path] = await Promise.all([
    import("../worktree/GitWorktree.ts"),
    import("../internal/subprocess/Supervisor.ts"),
    import("@effect/platform-node/NodeFileSystem"),
    import("@effect/platform-node/NodePath")
  ])
  return GitWorktree.layer({ ...options, environment: environment() }).pipe(
    Layer.provide(Supervisor.layer),
    Layer.provide(Layer.merge(files.layer, path.layer))
  )
}
