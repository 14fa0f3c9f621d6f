/**
 * The port to a git worktree of a call's own.
 *
 * - W1. A call that asked for isolation runs in a worktree or does not run: there is no falling back to the user's checkout.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { CallId } from "../domain/Ids.ts"

/**
 * A directory an agent may change without touching the user's checkout.
 * @category models
 * @since 0.1.0
 */
export interface Tree {
  /** Absolute path of the worktree. */
  readonly path: string
  readonly branch: string
}

/**
 * A worktree could not be made; the reason is git's.
 * @category errors
 * @since 0.1.0
 */
export class WorktreeError extends Schema.TaggedError<WorktreeError>("owf/Worktree/WorktreeError")("WorktreeError", {
  detail: Schema.String
}) {
  override get message(): string {
    return this.detail
  }
}

/**
 * Makes worktrees.
 * @category services
 * @since 0.1.0
 */
export class Worktree extends Context.Tag("owf/Worktree")<Worktree, {
  /** A worktree for a call, kept when the agent changed anything in it. */
  readonly acquire: (call: CallId) => Effect.Effect<Tree, WorktreeError, Scope.Scope>
}>() {}

/**
 * Refuses every worktree, so that isolated calls fail closed (W1).
 * @category layers
 * @since 0.1.0
 */
export const layerUnavailable: Layer.Layer<Worktree> = Layer.succeed(Worktree, {
  acquire: () =>
    Effect.fail(
      new WorktreeError({
        detail: "Worktree isolation is not available in this version; the call was not made. " +
          "Provide a Worktree with `Owf.layerWith`, or call the agent without `isolation`."
      })
    )
})
