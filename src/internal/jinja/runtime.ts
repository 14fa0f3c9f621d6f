/**
 * What bounds one evaluation, and what is noticed on the way.
 *
 * - R1. Every step and everything that is made is charged before it happens, so no text hangs or eats memory.
 * - R2. A name that leads nowhere is noticed once, where it was first used.
 */
import type { Reason } from "./fault.ts"
import { Fault } from "./fault.ts"

/**
 * How values are spelled in text: as JSON, or as Python does it.
 * @category models
 * @since 0.1.0
 */
export type Spelling = "json" | "python"

/**
 * A name that led nowhere.
 * @category models
 * @since 0.1.0
 */
export interface Missing {
  readonly name: string
  readonly at: number
  readonly origin: string | null
}

/**
 * The state of one evaluation.
 * @category models
 * @since 0.1.0
 */
export interface Runtime {
  readonly spelling: Spelling
  readonly missing: Map<string, Missing>
  /** The included text that is evaluated; null for the one that was asked for. */
  origin: string | null
  /** Where in it. */
  at: number
  steps: number
  size: number
  depth: number
}

/**
 * Starts with full allowances.
 * @category constructors
 * @since 0.1.0
 */
export const make = (spelling: Spelling): Runtime => ({
  spelling,
  missing: new Map(),
  origin: null,
  at: 0,
  steps: maxSteps,
  size: maxSize,
  depth: 0
})

/**
 * Steps of one evaluation, a fraction of a second.
 * @category constants
 * @since 0.1.0
 */
export const maxSteps = 1_000_000

/**
 * Characters made in one evaluation; an item of a list counts as eight.
 * @category constants
 * @since 0.1.0
 */
export const maxSize = 33_554_432

/**
 * Items of one range.
 * @category constants
 * @since 0.1.0
 */
export const maxRange = 100_000

/**
 * Calls and includes inside of each other.
 * @category constants
 * @since 0.1.0
 */
export const maxCalls = 50

/**
 * Ends the evaluation with a fault at its present place.
 * @category errors
 * @since 0.1.0
 */
export const fail = (runtime: Runtime, reason: Reason, detail: string): never => {
  throw new Fault({ reason, detail, at: runtime.at, origin: runtime.origin })
}

/**
 * Charges steps.
 * @category combinators
 * @since 0.1.0
 */
export const step = (runtime: Runtime, count = 1): void => {
  runtime.steps -= count
  if (runtime.steps < 0) fail(runtime, "Limit", `it takes more than ${maxSteps} steps`)
}

/**
 * Charges characters that are about to be made.
 * @category combinators
 * @since 0.1.0
 */
export const charge = (runtime: Runtime, characters: number): void => {
  runtime.size -= characters
  // not `< 0`: what is no number is not affordable either
  if (!(runtime.size >= 0)) fail(runtime, "Limit", `it makes more than ${maxSize} characters`)
}

/**
 * Charges items of lists and objects that are about to be made.
 * @category combinators
 * @since 0.1.0
 */
export const chargeItems = (runtime: Runtime, items: number): void => charge(runtime, items * 8)

/**
 * Evaluates one call or include deeper.
 * @category combinators
 * @since 0.1.0
 */
export const deeper = <A>(runtime: Runtime, origin: string | null, run: () => A): A => {
  if (++runtime.depth > maxCalls) fail(runtime, "Limit", `more than ${maxCalls} calls are inside of each other`)
  const { at, origin: outer } = runtime
  runtime.origin = origin
  const result = run()
  runtime.origin = outer
  runtime.at = at
  runtime.depth--
  return result
}
