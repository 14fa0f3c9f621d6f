/**
 * The way a run took through a graph, as it is kept.
 *
 * - S1. A transition is durable before the next node begins: the node, the next one, what the node put in the context,
 *   and the context before and after.
 * - S2. A resumed run follows the transitions it has kept, whatever was edited since and whatever time it is: a node that
 *   finished is not run again, and its texts are not rendered again.
 * - S3. What is kept of a context is bounded. Contexts that are small are kept whole; of larger ones what changed is,
 *   from which the whole follows: nothing is ever taken out of a context.
 * - S4. A run that went back to a node keeps what it did after it, and uses nothing of it again: what is kept from then
 *   on belongs to a generation of its own.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Records from "../domain/Records.ts"
import * as sha256 from "../internal/sha256.ts"
import type { Run } from "../workflow/Run.ts"
import type { FlowContext, Json, Limits } from "./Flow.ts"

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
 * The type of the events that say that a run went back to a node.
 * @category constants
 * @since 0.1.0
 */
export const rewindType = "rewind"

/**
 * The type of the events that hold what a graph lets its run spend.
 * @category constants
 * @since 0.1.0
 */
export const limitsType = "limits"

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
 * How a node failed in a place, over all attempts of the run.
 * @category models
 * @since 0.1.0
 */
export interface Failures {
  readonly times: number
  /** The kind of the last failure; empty where there was none. */
  readonly last: string
}

/**
 * What a run has kept of its way, and how more is kept.
 * @category models
 * @since 0.1.0
 */
export interface FlowState {
  /** The transitions of the graph itself that still count, in order. */
  readonly way: () => ReadonlyArray<Recorded>
  /** How often the run had gone back to a transition of the graph itself, or one before it. */
  readonly generation: (seq: number) => number
  /** Goes back to before a transition of the graph itself: it and what came after count no more (S4). */
  readonly rewind: (seq: number, node: string) => Effect.Effect<void>
  /** The transition an earlier attempt made there; undefined where none did. */
  readonly recorded: (path: string, seq: number) => Recorded | undefined
  readonly record: (
    path: string,
    seq: number,
    node: string,
    outcome: Outcome,
    before: FlowContext
  ) => Effect.Effect<void>
  readonly failures: (path: string, seq: number) => Failures
  readonly fail: (
    path: string,
    seq: number,
    node: string,
    failure: { readonly kind: string; readonly detail: string }
  ) => Effect.Effect<void>
}

/**
 * What earlier attempts of a run have kept.
 * @category models
 * @since 0.1.0
 */
export interface Kept {
  /** Where the run went back to, in the order it did. */
  readonly rewinds: Array<number>
  readonly known: Map<string, Recorded>
  readonly failures: Map<string, Failures>
}

/**
 * Reads what earlier attempts of a run have kept; `history` tells of every event of a type, oldest first.
 * @category constructors
 * @since 0.1.0
 */
export const read = <E>(
  history: (type: string, each: (event: Records.Event) => void) => Effect.Effect<void, E>
): Effect.Effect<Kept, E> =>
  Effect.gen(function*() {
    const kept: Kept = { rewinds: [], known: new Map(), failures: new Map() }
    const { failures, known, rewinds } = kept
    yield* history(rewindType, ({ dataJson }) => {
      const data = decodePlace(dataJson)
      if (Option.isSome(data)) rewinds.push(data.value.seq)
    })
    const counts = (place: typeof Place.Type): boolean =>
      place.path !== "" || place.generation === generationOf(rewinds, place.seq)
    yield* history(eventType, ({ dataJson }) => {
      const data = decode(dataJson)
      if (Option.isNone(data) || !counts(data.value)) return
      const { degraded, next, node, path, seq, set } = data.value
      known.set(keyOf(path, seq), { node, next, set, isDegraded: degraded })
    })
    yield* history(failureType, ({ dataJson }) => {
      const data = decodeFailure(dataJson)
      if (Option.isNone(data) || !counts(data.value)) return
      const key = keyOf(data.value.path, data.value.seq)
      failures.set(key, { times: (failures.get(key)?.times ?? 0) + 1, last: data.value.kind })
    })
    return kept
  })

/**
 * The transitions of the graph itself that still count, in order.
 * @category getters
 * @since 0.1.0
 */
export const wayOf = ({ known }: Pick<Kept, "known">): ReadonlyArray<Recorded> => {
  const way: Array<Recorded> = []
  for (let next = known.get(keyOf("", 0)); next !== undefined; next = known.get(keyOf("", way.length))) way.push(next)
  return way
}

/**
 * Reads what earlier attempts of a run have kept, to go on with it.
 * @category constructors
 * @since 0.1.0
 */
export const make = (run: Run["Type"]): Effect.Effect<FlowState> =>
  Effect.map(read(run.history), ({ failures, known, rewinds }) => {
    const generation = (seq: number) => generationOf(rewinds, seq)
    const place = (path: string, seq: number, node: string) => {
      const own = path === "" ? generation(seq) : 0
      return { path, seq, node, ...(own === 0 ? {} : { generation: own }) }
    }
    return {
      way: () => wayOf({ known }),
      generation,
      rewind: (seq, node) =>
        Effect.suspend(() => {
          const given = wayOf({ known }).length - seq
          for (let at = seq; at < seq + given; at++) known.delete(keyOf("", at))
          for (const key of failures.keys()) {
            if (key.startsWith("#") && Number(key.slice(1)) >= seq) failures.delete(key)
          }
          rewinds.push(seq)
          return run.event(rewindType, `back to ${node}: ${given} finished nodes count no more`, {
            path: "",
            seq,
            node
          })
        }),
      recorded: (path, seq) => known.get(keyOf(path, seq)),
      failures: (path, seq) => failures.get(keyOf(path, seq)) ?? { times: 0, last: "" },
      fail: (path, seq, node, { detail, kind }) =>
        Effect.suspend(() => {
          const key = keyOf(path, seq)
          const times = (failures.get(key)?.times ?? 0) + 1
          failures.set(key, { times, last: kind })
          return run.event(failureType, `${node} failed: ${detail}`, { ...place(path, seq, node), times, kind })
        }),
      record: (path, seq, node, { isDegraded, next, set }, before) =>
        run.event(eventType, `${path === "" ? "" : `${path} `}${node} → ${next ?? "end"}`, {
          ...place(path, seq, node),
          next,
          set,
          degraded: isDegraded,
          before: kept(before),
          after: kept({ ...before, ...set })
        })
    }
  })

/**
 * How a named part of a program that was made of a graph has failed, over the earlier attempts of the run.
 * @category running
 * @since 0.1.0
 */
export const failedTries = (run: Run["Type"], name: string): Effect.Effect<Failures> =>
  Effect.suspend(() => {
    let failures: Failures = { times: 0, last: "" }
    const read = run.history(failureType, ({ dataJson }) => {
      const data = decodeTry(dataJson)
      if (Option.isNone(data) || data.value.name !== name) return
      failures = { times: failures.times + 1, last: data.value.kind }
    })
    return Effect.map(read, () => failures)
  })

/**
 * Keeps that a try of a named part of a program failed.
 * @category running
 * @since 0.1.0
 */
export const failTry = (
  run: Run["Type"],
  name: string,
  times: number,
  { detail, kind }: { readonly kind: string; readonly detail: string }
): Effect.Effect<void> => run.event(failureType, `${name} failed: ${detail}`, { name, times, kind })

/**
 * What a graph let its run spend, as it was kept last.
 * @category converting
 * @since 0.1.0
 */
export const limitsOf = (dataJson: string | null): typeof Spending.Type =>
  Option.getOrElse(decodeLimits(dataJson), () => ({ tokens: null, costUsd: null }))

/**
 * Keeps what a graph lets its run spend, where that is not what is kept already.
 * @category running
 * @since 0.1.0
 */
export const keepLimits = (run: Run["Type"], limits: Pick<Limits, "costUsd" | "tokens">): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { costUsd, tokens } = { costUsd: limits.costUsd ?? null, tokens: limits.tokens ?? null }
    if (tokens === null && costUsd === null) return Effect.void
    let last = limitsOf(null)
    return Effect.zipRight(
      run.history(limitsType, ({ dataJson }) => {
        last = limitsOf(dataJson)
      }),
      Effect.suspend(() =>
        last.tokens === tokens && last.costUsd === costUsd ? Effect.void : run.event(
          limitsType,
          `the graph allows ${
            [...tokens === null ? [] : [`${tokens} tokens`], ...costUsd === null ? [] : [`$${costUsd}`]].join(", ")
          }`,
          { tokens, costUsd }
        )
      )
    )
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const keyOf = (path: string, seq: number): string => `${path}#${seq}`

/** The last time the run went back to a transition or to one before it, counted from 1. */
const generationOf = (rewinds: ReadonlyArray<number>, seq: number): number =>
  rewinds.findLastIndex((back) => back <= seq) + 1

/** Contexts of up to this many characters are kept whole with each transition. */
const keptWhole = 16_384

const kept = (context: FlowContext): Json => {
  const text = JSON.stringify(context)
  return text.length <= keptWhole ? context : { sha256: sha256.hex(text), characters: text.length }
}

// what was JSON when it was written is JSON when it is read
const Value = Schema.declare((value: unknown): value is Json => value !== undefined, { identifier: "Json" })

const Place = Schema.Struct({
  path: Schema.String,
  seq: Schema.NonNegativeInt,
  node: Schema.String,
  generation: Schema.optionalWith(Schema.NonNegativeInt, { default: () => 0 })
})

const Spending = Schema.Struct({ tokens: Schema.NullOr(Schema.Number), costUsd: Schema.NullOr(Schema.Number) })

const decodeLimits = Schema.decodeUnknownOption(Schema.parseJson(Spending))

const decodePlace = Schema.decodeUnknownOption(Schema.parseJson(Place))

const decode = Schema.decodeUnknownOption(Schema.parseJson(Schema.Struct({
  ...Place.fields,
  next: Schema.NullOr(Schema.String),
  set: Schema.Record({ key: Schema.String, value: Value }),
  degraded: Schema.Boolean
})))

const decodeFailure = Schema.decodeUnknownOption(Schema.parseJson(Schema.Struct({
  ...Place.fields,
  kind: Schema.optionalWith(Schema.String, { default: () => "" })
})))

const decodeTry = Schema.decodeUnknownOption(Schema.parseJson(Schema.Struct({
  name: Schema.String,
  kind: Schema.String
})))
