/**
 * Checks of what a JSON text may hold, put together so that the compiler finds where they leave a model behind.
 *
 * A library for this would be several times the size of this viewer, which is written into every report.
 */

/** Whether a value has a type: this one, neither a wider nor a narrower one. */
export interface Guard<in out A> {
  (value: unknown): value is A
}

/** A text. */
export const text: Guard<string> = (value) => typeof value === "string"

/** A text of a type of its own, such as an id, whose form nothing in the viewer depends on. */
export const textOf = <A extends string>() => (value: unknown): value is A => typeof value === "string"

/** A number. */
export const number: Guard<number> = (value) => typeof value === "number"

/** Yes or no. */
export const flag: Guard<boolean> = (value) => typeof value === "boolean"

/** Any value. */
export const anything: Guard<unknown> = (_value): _value is unknown => true

/** This value. */
export const exactly = <const A extends string | number>(wanted: A): Guard<A> => (value): value is A => value === wanted

/** One of these words; the record names each of them. */
export const oneOf = <A extends string>(words: Readonly<Record<A, true>>): Guard<A> => (value): value is A =>
  typeof value === "string" && Object.hasOwn(words, value)

/** A value, or null. */
export const orNull = <A>(guard: Guard<A>): Guard<A | null> => (value): value is A | null =>
  value === null || guard(value)

/** A list. */
export const list = <A>(guard: Guard<A>): Guard<ReadonlyArray<A>> => (value): value is ReadonlyArray<A> =>
  Array.isArray(value) && value.every(guard)

/** Fields under names that are not known before. */
export const record =
  <A>(guard: Guard<A>): Guard<Readonly<Record<string, A>>> => (value): value is Readonly<Record<string, A>> =>
    isFields(value) && Object.values(value).every(guard)

/** Fields under known names; others may be beside them. */
export const struct = <A extends object>(guards: { readonly [K in keyof A]-?: Guard<A[K]> }): Guard<A> => {
  const checks = Object.entries<(value: unknown) => boolean>(guards)
  return (value): value is A => isFields(value) && checks.every((check) => check[1](value[check[0]]))
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const isFields = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)
