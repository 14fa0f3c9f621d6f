/**
 * Values a run keeps that are no calls: the time it was, a number that was drawn, an answer somebody gave.
 *
 * - J1. A step is made once in the life of a run: its value is durable before the program sees it, and a resumed run is
 *   given it again.
 * - J2. Steps are told apart by their name, the place in the program and how many of that name came before there, so that
 *   a resumed run finds its own whatever order its branches run in.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Records from "../domain/Records.ts"
import * as Position from "./Position.ts"

/**
 * The type of the events that hold steps.
 * @category constants
 * @since 0.1.0
 */
export const eventType = "step"

/**
 * The steps of a run.
 * @category models
 * @since 0.1.0
 */
export interface Steps {
  /** The JSON an earlier attempt recorded for this step, else what `make` gives, recorded. */
  readonly take: <E, R>(name: string, make: Effect.Effect<string, E, R>) => Effect.Effect<string, E, R>
}

/**
 * Steps over what earlier attempts recorded: `history` tells of every event of a type, `record` keeps a new one.
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  readonly history: (type: string, each: (event: Records.Event) => void) => Effect.Effect<void>
  readonly record: (type: string, message: string, data: unknown) => Effect.Effect<void>
}): Steps => {
  const counts = new Map<string, number>()
  const known = new Map<string, string>()
  const load = options.history(eventType, ({ dataJson, message }) => {
    const data = decode(dataJson)
    if (Option.isSome(data)) known.set(message, data.value.value)
  })
  // fibers that ask before it is loaded share the loading; it is cheap when there was no earlier attempt
  const loaded = Effect.runSync(Effect.cached(load))
  const keyOf = (name: string, position: string): string => {
    const place = `${name}@${position}`
    const ordinal = counts.get(place) ?? 0
    counts.set(place, ordinal + 1)
    return `${place}#${ordinal}`
  }
  return {
    take: (name, make) =>
      Effect.flatMap(Position.path, (position) => {
        const key = keyOf(name, position)
        return Effect.flatMap(loaded, () => {
          const value = known.get(key)
          return value === undefined
            ? Effect.tap(make, (value) => options.record(eventType, key, { value }))
            : Effect.succeed(value)
        })
      })
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const decode = Schema.decodeUnknownOption(Schema.parseJson(Schema.Struct({ value: Schema.String })))
