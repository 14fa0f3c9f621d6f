/**
 * Makes an Effect of what a function of a user gave: a generator, or an Effect.
 *
 * Scripts run without their types being checked. What TypeScript would have refused, and the mistakes it cannot see, are
 * said in words here: without that they end deep in Effect, or with an Effect that never ran as the result.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type { YieldWrap } from "effect/Utils"

/**
 * What a body has to give.
 * @category models
 * @since 0.1.0
 */
export type Body =
  | Effect.Effect<unknown, unknown, unknown>
  | Generator<YieldWrap<Effect.Effect<unknown, unknown, unknown>>, unknown, never>

/**
 * The Effect a body gave; `owner` begins the sentence that says what is wrong with it.
 * @category converting
 * @since 0.1.0
 */
export const toEffect = (owner: string, body: Body): Effect.Effect<unknown, unknown, unknown> =>
  Effect.flatMap(running(owner, body), (value) =>
    holdsEffect(value)
      ? Effect.die(new TypeError(`${owner} returns an Effect that never ran. Run it first: \`return yield* …\`.`))
      : Effect.succeed(value))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const running = (owner: string, body: Body): Effect.Effect<unknown, unknown, unknown> => {
  if (Effect.isEffect(body)) return body
  if (Predicate.hasProperty(body, "next")) return Effect.gen(() => starred(owner, body))
  const what = Predicate.isPromise(body)
    ? "is an async function. Write function*() for async and yield* for await; what gives a promise is called by " +
      "`yield* Effect.promise(() => …)`."
    : "is neither a generator function (function*) nor a function that returns an Effect."
  return Effect.die(new TypeError(`${owner} ${what}`))
}

type Steps = Exclude<Body, Effect.Effect<unknown, unknown, unknown>>

/** The same steps; a `yield` without its star gives what it should have run. */
function* starred(owner: string, body: Steps): Steps {
  let step = body.next()
  while (step.done !== true) {
    const given: unknown = step.value
    if (Effect.isEffect(given)) throw new TypeError(`${owner} has a \`yield\` that runs nothing: write \`yield*\`.`)
    if (Predicate.isPromise(given)) {
      throw new TypeError(`${owner} yields a promise: write \`yield* Effect.promise(() => …)\`.`)
    }
    step = body.next(yield step.value)
  }
  return step.value
}

const holdsEffect = (value: unknown): boolean => isUnrun(value) || partsOf(value).some(isUnrun)

const partsOf = (value: unknown): ReadonlyArray<unknown> => {
  if (Array.isArray(value)) return value
  return Predicate.isRecord(value) && Object.getPrototypeOf(value) === Object.prototype ? Object.values(value) : []
}

/** Outcomes and optional values are Effects too, and are values all the same; an Effect that has succeeded is one. */
const isUnrun = (value: unknown): boolean =>
  Effect.isEffect(value) && !Option.isOption(value) && !Either.isEither(value) && !Exit.isExit(value)
