/**
 * How large the context of a run may become.
 *
 * - Z1. A graph has its context, and is measured by it. A program that was made of a graph has variables: what its nodes
 *   give is counted by name, with the arguments of the run, and the last value of a name counts.
 */
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as GlobalValue from "effect/GlobalValue"
import { Run } from "../workflow/Run.ts"
import { FlowStopped } from "./FlowRunError.ts"

/**
 * Most bytes of JSON of a context.
 * @category constants
 * @since 0.1.0
 */
export const maxContextBytes = 1_048_576

/**
 * Stops a run whose context would be larger after a node.
 * @category running
 * @since 0.1.0
 */
export const within = (workflow: string, node: string, bytes: number): Effect.Effect<void, FlowStopped> =>
  bytes <= maxContextBytes ? Effect.void : new FlowStopped({
    workflow,
    node,
    limit: "context",
    detail: `After node '${node}' the context of ${workflow} would have ${bytes} bytes; it may have ` +
      `${maxContextBytes}. Keep large values in files and their paths in the context.`
  })

/**
 * The size of a value, or of a context, in bytes of JSON.
 * @category converting
 * @since 0.1.0
 */
export const of = (value: unknown): number => encoder.encode(JSON.stringify(value) ?? "").length

/**
 * Counts what a node of a program gives (Z1), and stops the run where that is more than a context may hold.
 * @category running
 * @since 0.1.0
 */
export const count = (node: string, given: object): Effect.Effect<void, FlowStopped, Run> =>
  Effect.flatMap(Run, (run) =>
    Effect.flatMap(countOf(run), (sizes) => {
      for (const [name, value] of Object.entries(given)) {
        if (value === undefined) sizes.delete(name)
        else sizes.set(name, of(name) + of(value) + 2)
      }
      const bytes = [...sizes.values()].reduce((sum, size) => sum + size, 1)
      return within(run.inheritance.journal.run.workflowName, node, bytes)
    }))

/**
 * Counts what is done for an item apart from what is done for others, beginning with what there is.
 * @category combinators
 * @since 0.1.0
 */
export const apart = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R | Run> =>
  Effect.flatMap(
    Run,
    (run) => Effect.flatMap(countOf(run), (sizes) => Effect.locally(effect, current, { run, sizes: new Map(sizes) }))
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Sizes = Map<string, number>

/** The count of an item of a run; a run below it has its own. */
const current = GlobalValue.globalValue(
  Symbol.for("owf/FlowSize/current"),
  () => FiberRef.unsafeMake<{ readonly run: Run["Type"]; readonly sizes: Sizes } | undefined>(undefined)
)

const counts = new WeakMap<Run["Type"], Sizes>()

const countOf = (run: Run["Type"]): Effect.Effect<Sizes> =>
  Effect.map(FiberRef.get(current), (own) => {
    if (own?.run === run) return own.sizes
    const known = counts.get(run) ?? new Map([["", encoder.encode(run.inheritance.journal.run.argsJson).length]])
    counts.set(run, known)
    return known
  })

const encoder = new TextEncoder()
