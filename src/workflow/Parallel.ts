/**
 * The verbs `parallel` and `pipeline`: many calls at once, with their results in the order of their inputs.
 *
 * - F1. A failure is a value: one failed item never takes its siblings, or what they were paid, with it.
 * - F2. Results stand in the order of the inputs and there is one for each, whatever order they finished in.
 * - F3. With `failFast` or `stopOnError`, what runs when the first item fails is interrupted, recorded as cancelled and
 *   given as a `cancelled` result, like what had not begun.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as FiberRefs from "effect/FiberRefs"
import * as FiberRefsPatch from "effect/FiberRefsPatch"
import * as Predicate from "effect/Predicate"
import type { Failed } from "../domain/Outcome.ts"
import * as Outcome from "../domain/Outcome.ts"
import * as Item from "./Item.ts"
import * as Position from "./Position.ts"
import type { Run } from "./Run.ts"

/**
 * A failed item of a fan-out; `failure` is the error it failed with, where that was not a call's own.
 * @category models
 * @since 0.1.0
 */
export type FailedItem<E> = Item.FailedItem<E>

/**
 * How a fan-out runs.
 * @category models
 * @since 0.1.0
 */
export interface ParallelOptions {
  /** Most items under way at once. Defaults to all; the provider's own limit holds besides. */
  readonly concurrency?: number | undefined
  /** Stops the others when one fails. Defaults to false. */
  readonly failFast?: boolean | undefined
}

/**
 * Runs calls, or any effects, at once and gives every result in the order of the inputs; failures are values.
 * @category running
 * @since 0.1.0
 */
export const parallel = <Call extends Effect.Effect<unknown, unknown, unknown>>(
  calls: Iterable<Call>,
  options?: ParallelOptions
): Effect.Effect<
  Array<Effect.Effect.Success<Call> | FailedItem<Effect.Effect.Error<Call>>>,
  never,
  Effect.Effect.Context<Call> | Run
> =>
  fanOut<Effect.Effect.Success<Call>, Effect.Effect.Error<Call>, Effect.Effect.Context<Call>>(
    // calls of different types have their union as the type of each
    Array.from(calls) as ReadonlyArray<
      Effect.Effect<Effect.Effect.Success<Call>, Effect.Effect.Error<Call>, Effect.Effect.Context<Call>>
    >,
    options?.concurrency,
    options?.failFast ?? false
  )

/**
 * How a pipeline runs.
 * @category models
 * @since 0.1.0
 */
export interface PipelineOptions {
  /** Items each stage works on at once. Defaults to 1. */
  readonly concurrency?: number | undefined
  /** Stops everything when one item fails. Defaults to false: the item leaves the line and the others go on. */
  readonly stopOnError?: boolean | undefined
}

/**
 * A stage: what it is given of the stage before (the item itself, for the first), the item's number from 0, and the item.
 * @category models
 * @since 0.1.0
 */
export type Stage<I, A, E, R, Item> = (input: I, index: number, item: Item) => Effect.Effect<A, E, R>

/**
 * Sends items through stages without a barrier: an item enters the next stage as soon as it left the one before, and a
 * slow item holds nobody up. A stage that gives a failed result ends its item.
 * @category running
 * @since 0.1.0
 */
export const pipeline: {
  <Item, A, E, R>(
    items: Iterable<Item>,
    stage: Stage<Item, A, E, R, Item>,
    options?: PipelineOptions
  ): Effect.Effect<Array<A | FailedItem<E>>, never, R | Run>
  <Item, A, E, R, B, E2, R2>(
    items: Iterable<Item>,
    first: Stage<Item, A, E, R, Item>,
    second: Stage<Passed<A>, B, E2, R2, Item>,
    options?: PipelineOptions
  ): Effect.Effect<Array<B | FailedOf<A> | FailedItem<E | E2>>, never, R | R2 | Run>
  <Item, A, E, R, B, E2, R2, C, E3, R3>(
    items: Iterable<Item>,
    first: Stage<Item, A, E, R, Item>,
    second: Stage<Passed<A>, B, E2, R2, Item>,
    third: Stage<Passed<B>, C, E3, R3, Item>,
    options?: PipelineOptions
  ): Effect.Effect<Array<C | FailedOf<A | B> | FailedItem<E | E2 | E3>>, never, R | R2 | R3 | Run>
  <Item, A, E, R, B, E2, R2, C, E3, R3, D, E4, R4>(
    items: Iterable<Item>,
    first: Stage<Item, A, E, R, Item>,
    second: Stage<Passed<A>, B, E2, R2, Item>,
    third: Stage<Passed<B>, C, E3, R3, Item>,
    fourth: Stage<Passed<C>, D, E4, R4, Item>,
    options?: PipelineOptions
  ): Effect.Effect<Array<D | FailedOf<A | B | C> | FailedItem<E | E2 | E3 | E4>>, never, R | R2 | R3 | R4 | Run>
} = <Item>(
  items: Iterable<Item>,
  ...rest: ReadonlyArray<AnyStage<Item> | PipelineOptions | undefined>
): Effect.Effect<Array<never>, never, never> => {
  const stages = rest.filter((part): part is AnyStage<Item> => typeof part === "function")
  const options: PipelineOptions = rest.find((part) => typeof part === "object") ?? {}
  // the overloads give the types; a stage is only ever given what the stage before it gave
  return line(Array.from(items), stages, options) as Effect.Effect<Array<never>, never, never>
}

/**
 * What a stage may give on to the next: a failed result ends the item instead.
 * @category models
 * @since 0.1.0
 */
export type Passed<A> = Exclude<A, Failed>

/**
 * What of a stage's results ends an item.
 * @category models
 * @since 0.1.0
 */
export type FailedOf<A> = Extract<A, Failed>

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

// stages are contravariant in what they are given, so a list of different ones has only this type in common
type AnyStage<Item> = Stage<never, unknown, unknown, unknown, Item>

const fanOut = <A, E, R>(
  effects: ReadonlyArray<Effect.Effect<A, E, R>>,
  concurrency: number | undefined,
  stopping: boolean
): Effect.Effect<Array<A | FailedItem<E>>, never, R | Run> =>
  Effect.gen(function*() {
    const workers = Math.min(yield* checked(concurrency), effects.length)
    const pathOf = yield* Position.fanOut
    const results: Array<A | FailedItem<E>> = []
    const failed = yield* Deferred.make<void>()
    let next = 0
    let stopped = false
    const take = (place: Position.Position) =>
      Effect.suspend(() => {
        const index = next++
        place.path = pathOf(index)
        place.next = 0
        return Effect.flatMap(Item.settled(effects[index] ?? Effect.interrupt), (result) => {
          results[index] = result
          if (!stopping || !Outcome.isFailed(result)) return Effect.void
          stopped = true
          return Deferred.succeed(failed, undefined)
        })
      })
    // a fixed number of fibers that take items from the list: one for each of ten thousand items would all be kept to the end
    const worker = Position.within((place) =>
      Effect.whileLoop({
        while: () => next < effects.length && !stopped,
        body: () => keepingFiberRefs(take(place)),
        step: () => {}
      })
    )
    const all = Effect.forEach(Array.from({ length: workers }), () => worker, {
      concurrency: "unbounded",
      discard: true
    })
    yield* stopping ? until(all, Deferred.await(failed)) : all
    for (let index = 0; index < effects.length; index++) {
      results[index] ??= Item.cancelled("stopped because another item failed")
    }
    return results
  })

/** Runs work until it ends or a signal is given; none of it runs any more when this is done, its finalizers included. */
const until = <E, R>(work: Effect.Effect<void, E, R>, signal: Effect.Effect<void>): Effect.Effect<void, E, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(
      Effect.fork(restore(work)),
      (fiber) => Effect.ensuring(restore(Effect.raceFirst(Fiber.join(fiber), signal)), Fiber.interrupt(fiber))
    )
  )

/** What one item sets in its fiber is not there for the next item of the same worker. */
const keepingFiberRefs = <A, E, R>(item: Effect.Effect<A, E, R>): Effect.Effect<void, E, R> =>
  Effect.withFiberRuntime((fiber) => {
    const before = fiber.getFiberRefs()
    return Effect.flatMap(item, () => {
      const after = fiber.getFiberRefs()
      return isSame(before, after) ? Effect.void : Effect.patchFiberRefs(FiberRefsPatch.diff(after, before))
    })
  })

const isSame = (before: FiberRefs.FiberRefs, after: FiberRefs.FiberRefs): boolean => {
  for (const [ref, [[, value]]] of after.locals) {
    if (before.locals.get(ref)?.[0][1] !== value) return false
  }
  return before.locals.size === after.locals.size
}

const line = <Item>(
  items: ReadonlyArray<Item>,
  stages: ReadonlyArray<AnyStage<Item>>,
  options: PipelineOptions
): Effect.Effect<Array<unknown>, never, unknown> =>
  Effect.gen(function*() {
    const limit = yield* checked(options.concurrency ?? 1)
    const room = stages.map(() => Effect.unsafeMakeSemaphore(limit))
    const pass = (item: Item, index: number) =>
      Effect.reduce(stages, item as unknown, (input, stage, number) =>
        Outcome.isFailed(input)
          ? Effect.succeed(input)
          // what the stage before gave is what this one takes: the overloads of `pipeline` see to it
          : room[number]?.withPermits(1)(stage(input as never, index, item)) ?? Effect.void)
    // more items than the stages hold would only wait in front of the first one
    const underWay = limit * Math.max(1, stages.length)
    const effects = items.map(pass)
    return yield* fanOut(effects, Number.isSafeInteger(underWay) ? underWay : undefined, options.stopOnError ?? false)
  })

const checked = (concurrency: number | undefined): Effect.Effect<number> => {
  if (concurrency === undefined || concurrency === Infinity) return Effect.succeed(Number.MAX_SAFE_INTEGER)
  return Predicate.isNumber(concurrency) && Number.isInteger(concurrency) && concurrency > 0
    ? Effect.succeed(concurrency)
    : Effect.dieMessage(`concurrency must be a positive whole number, not ${String(concurrency)}`)
}
