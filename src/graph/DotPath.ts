/**
 * Paths into the context: `review.findings.0.file` or `review.findings[0].file`.
 *
 * - D1. A name leads into an object's own field, a number into a list's item; where an object has a field that is a
 *   number, it leads there.
 * - D2. What does not lead anywhere gives nothing, never an error.
 */
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { FlowContext, Json } from "./Flow.ts"

/**
 * Names and numbers from the context down.
 * @category models
 * @since 0.1.0
 */
export type DotPath = ReadonlyArray<string>

/**
 * Reads a path; fails with what is wrong with it.
 * @category converting
 * @since 0.1.0
 */
export const parse = (text: string): Either.Either<DotPath, string> => {
  const segments = text.replace(/\[(\d{1,9})\]/g, ".$1").split(".")
  if (segments.length > maxSegments) return Either.left(`the path has more than ${maxSegments} parts`)
  const wrong = segments.find((segment) => !isSegment.test(segment))
  if (wrong === undefined) return Either.right(segments)
  return Either.left(wrong === "" ? `'${text}' has an empty part` : `'${wrong}' in '${text}' is no name`)
}

/**
 * A path as text, which reads as the same path.
 * @category converting
 * @since 0.1.0
 */
export const format = (path: DotPath): string => path.join(".")

/**
 * The value at a path.
 * @category converting
 * @since 0.1.0
 */
export const get = (context: FlowContext, path: DotPath): Option.Option<Json> => {
  let current: Json = context
  for (const segment of path) {
    const next = step(current, segment)
    if (next === undefined) return Option.none()
    current = next
  }
  return Option.some(current)
}

/**
 * The value at a path that is written as text; nothing for one that cannot be read.
 * @category converting
 * @since 0.1.0
 */
export const resolve = (context: FlowContext, text: string): Option.Option<Json> =>
  Option.flatMap(Option.getRight(parse(text)), (path) => get(context, path))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const maxSegments = 100
/** As wide as keys of YAML are; only what would read as another path is left out. */
const isSegment = /^[^.[\]]+$/
const isIndex = /^(?:0|[1-9]\d{0,8})$/

const step = (value: Json, segment: string): Json | undefined => {
  if (typeof value !== "object" || value === null) return undefined
  if (Array.isArray(value)) return isIndex.test(segment) ? value[Number(segment)] : undefined
  return Object.hasOwn(value, segment) ? Reflect.get(value, segment) : undefined
}
