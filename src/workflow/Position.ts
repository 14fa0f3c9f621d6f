/**
 * Where in the program a call is made, so that equal calls find their own answers on resume.
 *
 * Equal calls are told apart by how many came before them, which is enough while they are made in the same order. A
 * fan-out whose branches run at other speeds on resume makes them in another order; the position (which fan-out, which
 * item) then says which recorded answer belongs to which call. It is never part of a call's identity: an edit that moves
 * a call does not lose its answer.
 */
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as GlobalValue from "effect/GlobalValue"

/**
 * A place that numbers what is started in it.
 * @category models
 * @since 0.1.0
 */
export interface Position {
  path: string
  next: number
}

/**
 * The position of the current fiber; undefined at the top of a workflow.
 * @category services
 * @since 0.1.0
 */
export const current: FiberRef.FiberRef<Position | undefined> = GlobalValue.globalValue(
  Symbol.for("owf/Position/current"),
  // a branch's position ends with it: what joins keeps its own
  () => FiberRef.unsafeMake<Position | undefined>(undefined, { join: (own) => own })
)

/**
 * The path of the current position.
 * @category getters
 * @since 0.1.0
 */
export const path: Effect.Effect<string> = Effect.map(FiberRef.get(current), (position) => position?.path ?? "")

/**
 * A new top-level position.
 * @category constructors
 * @since 0.1.0
 */
export const root = (): Position => ({ path: "", next: 0 })

/**
 * Begins a fan-out and gives the path of each of its items.
 * @category constructors
 * @since 0.1.0
 */
export const fanOut: Effect.Effect<(index: number) => string> = Effect.map(FiberRef.get(current), (position) => {
  const path = position === undefined ? "" : `${position.path}/${position.next++}`
  return (index) => `${path}[${index}]`
})

/**
 * Runs an effect in a place with a name of its own, unique in the run: its calls and child runs are answered by what was
 * recorded under that name and by nothing else, however much of what was made before is not made again.
 * @category combinators
 * @since 0.1.0
 */
export const named = <A, E, R>(name: string, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.suspend(() => Effect.locally(effect, current, { path: `=${name}`, next: 0 }))

/**
 * Whether a path is one of a place with a name of its own.
 * @category predicates
 * @since 0.1.0
 */
export const isNamed = (path: string): boolean => path.startsWith("=")

/**
 * Runs an effect in a position of its own, which it may move from item to item.
 * @category combinators
 * @since 0.1.0
 */
export const within = <A, E, R>(use: (position: Position) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    const position = root()
    return Effect.locally(use(position), current, position)
  })
