import * as Effect from "effect/Effect"

/** Runs an effect in a directory that is the working directory of this process meanwhile. */
export const inDirectory = <A, E, R>(directory: string, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const before = process.cwd()
      process.chdir(directory)
      return before
    }),
    () => effect,
    (before) => Effect.sync(() => process.chdir(before))
  )
