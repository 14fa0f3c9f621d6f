/**
 * Calls that are at work in the user's checkout at the same time, and which of them a change may be blamed on.
 *
 * What changed while several calls were at work cannot be told apart. A call is blamed for a change that its write scope
 * does not allow, unless the scope of another call of this process allows it that was at work in the same time.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Touched, Worktree } from "../worktree/Worktree.ts"
import type { WriteScope } from "./WriteScope.ts"

/**
 * A call at work in the checkout.
 * @category models
 * @since 0.1.0
 */
export interface Working {
  /** Whether other calls were at work in the same time. */
  readonly isShared: () => boolean
  /** Whether its own scope allows a change. */
  readonly isOwn: (touched: Touched) => boolean
  /** Whether neither its own scope nor that of another call allows a change. */
  readonly isBlamed: (touched: Touched) => boolean
}

/**
 * Enters the checkout a service looks at, until the scope closes.
 * @category constructors
 * @since 0.1.0
 */
export const enter = (
  worktree: Worktree["Type"],
  scope: WriteScope
): Effect.Effect<Working, never, Scope.Scope> => {
  const checkout = known.get(worktree) ?? new Set<Entered>()
  known.set(worktree, checkout)
  const entered: Entered = { scope, others: new Map() }
  return Effect.as(
    Effect.acquireRelease(
      Effect.sync(() => {
        for (const other of checkout) {
          other.others.set(scope.key, scope)
          entered.others.set(other.scope.key, other.scope)
        }
        checkout.add(entered)
      }),
      () => Effect.sync(() => void checkout.delete(entered))
    ),
    {
      isShared: () => entered.others.size > 0,
      isOwn: (touched) => isAllowed(scope, touched),
      isBlamed: (touched) =>
        !isAllowed(scope, touched) && ![...entered.others.values()].some((other) => isAllowed(other, touched))
    }
  )
}

/**
 * Whether a scope allows a change under all of its names. New files that the repository's rules leave out are no part of
 * what a call is for, and are in no patch.
 * @category predicates
 * @since 0.1.0
 */
export const isAllowed = (scope: WriteScope, { change, names }: Touched): boolean =>
  change.kind === "ignored" || names.every(scope.allows)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Entered {
  readonly scope: WriteScope
  /** Scopes of the calls that were at work in the same time, by their keys: there are few of them. */
  readonly others: Map<string, WriteScope>
}

// by the service and not by run or engine: whoever shares it works in the same checkout
const known = new WeakMap<Worktree["Type"], Set<Entered>>()
