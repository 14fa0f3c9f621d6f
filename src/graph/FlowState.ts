/**
 * The way a run took through a graph, as it is kept.
 *
 * - S1. A transition is durable before the next node begins: the node, the next one, what the node put in the context,
 *   and the context before and after.
 * - S2. A resumed run follows the transitions it has kept, whatever was edited since and whatever time it is: a node that
 *   finished is not run again, and its texts are not rendered again.
 * - S3. What is kept of a context is bounded. Contexts that are small are kept whole; of larger ones what changed is,
 *   from which the whole follows: nothing is ever taken out of a context.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as sha256 from "../internal/sha256.ts"
import type { Run } from "../workflow/Run.ts"
import type { FlowContext, Json } from "./Flow.ts"

/**
 * The type of the events that hold transitions.
 * @category constants
 * @since 0.1.0
 */
export const eventType = "transition"

/**
 * The type of the events that hold tries of a node that failed.
 * @category constants
 * @since 0.1.0
 */
export const failureType = "node_failed"

/**
 * What a finished node did to a run.
 * @category models
 * @since 0.1.0
 */
export interface Outcome {
  /** What it put in the context. */
  readonly set: FlowContext
  /** The node after it; null where the run or the body ends. */
  readonly next: string | null
  /** Whether a value stood in for an answer. */
  readonly isDegraded: boolean
}

/**
 * A finished node as it is kept: the place among the transitions of its body, and what it did.
 * @category models
 * @since 0.1.0
 */
export interface Recorded extends Outcome {
  readonly node: string
}

/**
 * What a run has kept of its way, and how more is kept.
 * @category models
 * @since 0.1.0
 */
export interface FlowState {
  /** The transition an earlier attempt made there; undefined where none did. */
  readonly recorded: (path: string, seq: number) => Recorded | undefined
  readonly record: (
    path: string,
    seq: number,
    node: string,
    outcome: Outcome,
    before: FlowContext
  ) => Effect.Effect<void>
  /** How often a node has failed in a place, over all attempts of the run. */
  readonly failures: (path: string, seq: number) => number
  readonly fail: (path: string, seq: number, node: string, detail: string) => Effect.Effect<void>
}

/**
 * Reads what earlier attempts of a run have kept.
 * @category constructors
 * @since 0.1.0
 */
export const make = (run: Run["Type"]): Effect.Effect<FlowState> =>
  Effect.gen(function*() {
    const known = new Map<string, Recorded>()
    const failures = new Map<string, number>()
    yield* run.history(eventType, ({ dataJson }) => {
      const data = decode(dataJson)
      if (Option.isNone(data)) return
      const { degraded, next, node, path, seq, set } = data.value
      known.set(keyOf(path, seq), { node, next, set, isDegraded: degraded })
    })
    yield* run.history(failureType, ({ dataJson }) => {
      const data = decodeFailure(dataJson)
      if (Option.isNone(data)) return
      const key = keyOf(data.value.path, data.value.seq)
      failures.set(key, (failures.get(key) ?? 0) + 1)
    })
    return {
      recorded: (path, seq) => known.get(keyOf(path, seq)),
      failures: (path, seq) => failures.get(keyOf(path, seq)) ?? 0,
      fail: (path, seq, node, detail) =>
        Effect.suspend(() => {
          const key = keyOf(path, seq)
          const times = (failures.get(key) ?? 0) + 1
          failures.set(key, times)
          return run.event(failureType, `${node} failed: ${detail}`, { path, seq, node, times })
        }),
      record: (path, seq, node, { isDegraded, next, set }, before) =>
        run.event(eventType, `${path === "" ? "" : `${path} `}${node} → ${next ?? "end"}`, {
          path,
          seq,
          node,
          next,
          set,
          degraded: isDegraded,
          before: kept(before),
          after: kept({ ...before, ...set })
        })
    }
  })

/**
 * The size of a context in bytes of JSON.
 * @category converting
 * @since 0.1.0
 */
export const sizeOf = (context: FlowContext): number => encoder.encode(JSON.stringify(context)).length

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const encoder = new TextEncoder()
const keyOf = (path: string, seq: number): string => `${path}#${seq}`

/** Contexts of up to this many characters are kept whole with each transition. */
const keptWhole = 16_384

const kept = (context: FlowContext): Json => {
  const text = JSON.stringify(context)
  return text.length <= keptWhole ? context : { sha256: sha256.hex(text), characters: text.length }
}

// what was JSON when it was written is JSON when it is read
const Value = Schema.declare((value: unknown): value is Json => value !== undefined, { identifier: "Json" })

const Place = { path: Schema.String, seq: Schema.NonNegativeInt, node: Schema.String }

const decode = Schema.decodeUnknownOption(Schema.parseJson(Schema.Struct({
  ...Place,
  next: Schema.NullOr(Schema.String),
  set: Schema.Record({ key: Schema.String, value: Value }),
  degraded: Schema.Boolean
})))

const decodeFailure = Schema.decodeUnknownOption(Schema.parseJson(Schema.Struct(Place)))
