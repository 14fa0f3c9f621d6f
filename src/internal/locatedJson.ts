/**
 * Reads JSON that people wrote, and knows the line and column of everything in it.
 *
 * - L1. What is not JSON is a {@link Fault} with its place and what was expected there.
 * - L2. Objects are lists of members, so no name (`__proto__`) is special, and a name given twice is a fault.
 * - L3. Nesting is bounded, so that no text exhausts the stack. A byte order mark at the start is skipped.
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"

/**
 * A value and where it begins.
 * @category models
 * @since 0.1.0
 */
export type Node =
  | { readonly _tag: "Object"; readonly at: number; readonly members: ReadonlyArray<Member> }
  | { readonly _tag: "Array"; readonly at: number; readonly items: ReadonlyArray<Node> }
  | { readonly _tag: "Scalar"; readonly at: number; readonly value: string | number | boolean | null }

/**
 * A member of an object and where its name begins.
 * @category models
 * @since 0.1.0
 */
export interface Member {
  readonly key: string
  readonly at: number
  readonly value: Node
}

/**
 * A line and a column, both from 1.
 * @category models
 * @since 0.1.0
 */
export interface Place {
  readonly line: number
  readonly column: number
}

/**
 * Why a text is not JSON, and where.
 * @category models
 * @since 0.1.0
 */
export interface Fault extends Place {
  readonly detail: string
}

/**
 * The value a text holds.
 * @category converting
 * @since 0.1.0
 */
export const parse = (text: string): Either.Either<Node, Fault> => {
  const state: State = { text, at: text.startsWith("\uFEFF") ? 1 : 0, depth: 0 }
  return Either.flatMap(readValue(state), (node) => {
    skipSpace(state)
    return state.at === text.length ? Either.right(node) : fault(state, "there is something after the end of the value")
  })
}

/**
 * The line and column of a position in a text.
 * @category converting
 * @since 0.1.0
 */
export const placeOf = (text: string, at: number): Place => {
  const lines = text.slice(0, at).split("\n")
  const before = lines.at(-1) ?? ""
  return { line: lines.length, column: before.replace("\uFEFF", "").length + 1 }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface State {
  readonly text: string
  at: number
  depth: number
}

const maxDepth = 100
const space = /[ \t\r\n]*/y
const string = /"(?:[^"\\\u0000-\u001F]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y
const scalar = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.+-])/y
const decodeScalar = Schema.decodeUnknownEither(
  Schema.parseJson(Schema.Union(Schema.String, Schema.Number, Schema.Boolean, Schema.Null))
)

const take = (state: State, pattern: RegExp): string | undefined => {
  pattern.lastIndex = state.at
  const found = pattern.exec(state.text)?.[0]
  if (found !== undefined) state.at += found.length
  return found
}

const skipSpace = (state: State): string => {
  take(state, space)
  return state.text[state.at] ?? ""
}

const fault = (state: State, detail: string, at = state.at): Either.Either<never, Fault> =>
  Either.left({ ...placeOf(state.text, at), detail })

const readValue = (state: State): Either.Either<Node, Fault> => {
  const next = skipSpace(state)
  switch (next) {
    case "{":
    case "[":
      if (state.depth === maxDepth) return fault(state, `it is nested more than ${maxDepth} levels deep`)
      return next === "{" ? readObject(state) : readArray(state)
    case "":
      return fault(state, "the text ends where a value is expected")
    default:
      return readScalar(state, next)
  }
}

const readScalar = (state: State, next: string): Either.Either<Node, Fault> => {
  const at = state.at
  const token = take(state, next === "\"" ? string : scalar)
  if (token === undefined) return fault(state, describe(next))
  return Either.match(decodeScalar(token), {
    onLeft: () => fault(state, "a value is expected here", at),
    onRight: (value) => Either.right({ _tag: "Scalar", at, value })
  })
}

const describe = (next: string): string => {
  if (next === "\"") return "this text is not closed on its line, or has an escape that JSON does not know"
  if (next === "/" || next === "#") return "JSON has no comments"
  if (next === "'") return "texts stand in double quotes"
  return "a value is expected here"
}

const readArray = (state: State): Either.Either<Node, Fault> => {
  const at = state.at
  const items: Array<Node> = []
  return Either.map(
    readAll(state, "]", () => Either.map(readValue(state), (item) => void items.push(item))),
    () => ({ _tag: "Array", at, items })
  )
}

const readObject = (state: State): Either.Either<Node, Fault> => {
  const at = state.at
  const members: Array<Member> = []
  const known = new Set<string>()
  const member = () =>
    Either.gen(function*() {
      const next = skipSpace(state)
      if (next !== "\"") return yield* fault(state, next === "" ? ended : "a name in double quotes is expected here")
      const name = yield* readScalar(state, next)
      const key = name._tag === "Scalar" ? String(name.value) : ""
      if (known.has(key)) return yield* fault(state, `'${key}' is given twice`, name.at)
      known.add(key)
      const colon = skipSpace(state)
      if (colon !== ":") return yield* fault(state, colon === "" ? ended : "a colon is expected here")
      state.at++
      members.push({ key, at: name.at, value: yield* readValue(state) })
    })
  return Either.map(readAll(state, "}", member), () => ({ _tag: "Object", at, members }))
}

const ended = "the text ends inside an object"

/** The parts of an object or array, between its brackets and with a comma between two. */
const readAll = (
  state: State,
  closer: "}" | "]",
  part: () => Either.Either<void, Fault>
): Either.Either<void, Fault> =>
  Either.gen(function*() {
    state.at++
    state.depth++
    let next = skipSpace(state)
    while (next !== closer) {
      yield* part()
      next = skipSpace(state)
      if (next === closer) break
      if (next === "") return yield* fault(state, `the text ends where ',' or '${closer}' is expected`)
      if (next !== ",") return yield* fault(state, `',' or '${closer}' is expected here`)
      const comma = state.at++
      next = skipSpace(state)
      if (next === closer) return yield* fault(state, "the last comma is one too many", comma)
    }
    state.at++
    state.depth--
  })
