/**
 * What a run of a graph may spend when it is gone on with.
 *
 * - L1. A limit that came from the graph follows the graph: who raises it in the file and goes on means that.
 * - L2. A limit that was given with the command holds until another one is given, whatever the graph allows.
 */
import * as Effect from "effect/Effect"
import type * as Records from "../domain/Records.ts"
import * as FlowState from "../graph/FlowState.ts"
import { RunStore } from "../store/RunStore.ts"
import type { budgetOf, Loaded } from "./CliRunFile.ts"

/**
 * Limits of tokens and money as commands have them.
 * @category models
 * @since 0.1.0
 */
export type Given = Parameters<typeof budgetOf>[0]

/**
 * The limits a run goes on with where they are not those it has; tells of what differs from the graph.
 * @category running
 * @since 0.1.0
 */
export const ofResumed = (
  { flow, limits }: Pick<Loaded, "flow" | "limits">,
  row: Records.Run,
  given: Given,
  tell: (line: string) => void
) =>
  Effect.gen(function*() {
    if (flow === undefined) return given
    const { events } = yield* RunStore
    const kept = yield* events(row.id, { type: FlowState.limitsType })
    const before = FlowState.limitsOf(kept.at(-1)?.dataJson ?? null)
    const decide = ({ allowed, asked, before, flag, had, what }: Limit): number | undefined => {
      if (asked !== undefined || had === null || allowed === undefined || allowed === had) return asked
      if (before === had) {
        tell(`the run may spend ${allowed} ${what} now, as the graph says, instead of ${had}`)
        return allowed
      }
      if (allowed > had) {
        tell(
          `the graph allows ${allowed} ${what} now, and the run keeps the ${had} it has; give it more with ${flag} ${allowed}`
        )
      }
      return undefined
    }
    return {
      budgetTokens: decide({
        what: "tokens",
        flag: "--budget-tokens",
        had: row.budgetTotalTokens,
        before: before.tokens,
        allowed: limits.tokens,
        asked: given.budgetTokens
      }),
      budgetCostUsd: decide({
        what: "USD",
        flag: "--budget-cost-usd",
        had: row.budgetTotalCostUsd,
        before: before.costUsd,
        allowed: limits.costUsd,
        asked: given.budgetCostUsd
      })
    }
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Limit {
  readonly what: string
  readonly flag: string
  /** What the run has. */
  readonly had: number | null
  /** What the graph said when the run was last at work. */
  readonly before: number | null
  /** What the graph says now. */
  readonly allowed: number | undefined
  /** What is given with the command. */
  readonly asked: number | undefined
}
