/**
 * Types in short: what a value has to be, in a word instead of a JSON Schema.
 *
 * | written | means |
 * | --- | --- |
 * | `any` | any value |
 * | `string` `int` `number` `bool` `null` | that kind of value |
 * | `object` `list` | with anything in it |
 * | `list<string>`, in YAML also `[string]` | a list of them |
 * | `map<int>` | any names, each with one of them |
 * | `{a: string, b?: int}` | an object that has `a` and may have `b` |
 * | `enum(ok, "not ok", 3)` | one of these values |
 * | `string \| null` | either |
 *
 * An object may have more than what is written: what an agent adds is no fault.
 */
import * as Either from "effect/Either"
import type { JsonSchemaObject } from "../internal/jsonSchema.ts"
import * as Nearest from "../internal/nearest.ts"
import type { Json } from "./Flow.ts"

/**
 * What is no type in a text, and where.
 * @category models
 * @since 0.1.0
 */
export interface TypeFault {
  readonly offset: number
  readonly detail: string
}

/**
 * The JSON Schema of a type as it is written; null for any value.
 * @category converting
 * @since 0.1.0
 */
export const parse = (text: string): Either.Either<JsonSchemaObject | null, TypeFault> => {
  if (text.length > maxLength) return fault(0, `a type has at most ${maxLength} characters`)
  const state: State = { text, at: 0, depth: 0 }
  return Either.flatMap(readUnion(state), (schema) =>
    skipSpace(state) === ""
      ? Either.right(Object.keys(schema).length === 0 ? null : schema)
      : fault(state.at, `'${text.slice(state.at, state.at + 20)}' after the type`))
}

/**
 * The schema of an object, of the schemas of its members; a name that ends in `?` may be missing.
 * @category constructors
 * @since 0.1.0
 */
export const object = (
  members: ReadonlyArray<readonly [name: string, schema: JsonSchemaObject | null]>
): JsonSchemaObject => {
  const required = members.flatMap(([name]) => name.endsWith("?") ? [] : [name])
  return {
    type: "object",
    properties: Object.fromEntries(members.map(([name, schema]) => [name.replace(/\?$/, ""), schema ?? {}])),
    ...(required.length === 0 ? {} : { required })
  }
}

/**
 * The schema of a list.
 * @category constructors
 * @since 0.1.0
 */
export const list = (items: JsonSchemaObject | null): JsonSchemaObject =>
  items === null ? { type: "array" } : { type: "array", items }

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface State {
  readonly text: string
  at: number
  depth: number
}

type Read<A> = Either.Either<A, TypeFault>

const maxLength = 4_000
const maxDepth = 20

const kinds: ReadonlyMap<string, JsonSchemaObject> = new Map<string, JsonSchemaObject>([
  ["any", {}],
  ["string", { type: "string" }],
  ["str", { type: "string" }],
  ["int", { type: "integer" }],
  ["integer", { type: "integer" }],
  ["number", { type: "number" }],
  ["float", { type: "number" }],
  ["bool", { type: "boolean" }],
  ["boolean", { type: "boolean" }],
  ["null", { type: "null" }],
  ["object", { type: "object" }],
  ["list", { type: "array" }],
  ["array", { type: "array" }],
  ["map", { type: "object" }]
])

const names = [...kinds.keys(), "enum"]
const word = /[A-Za-z_][\w-]*/y
const bare = /[^\s,()<>{}|"'][^,()<>{}|"'\n]*/y
const quoted = /"[^"\n]*"|'[^'\n]*'/y

const fault = (offset: number, detail: string): Either.Either<never, TypeFault> => Either.left({ offset, detail })

const take = (state: State, pattern: RegExp): string | undefined => {
  skipSpace(state)
  pattern.lastIndex = state.at
  const found = pattern.exec(state.text)?.[0]
  if (found !== undefined) state.at += found.length
  return found
}

const skipSpace = (state: State): string => {
  while (/\s/.test(state.text[state.at] ?? "")) state.at++
  return state.text[state.at] ?? ""
}

const accept = (state: State, sign: string): boolean => {
  if (skipSpace(state) !== sign) return false
  state.at++
  return true
}

const expect = (state: State, sign: string): Read<null> =>
  accept(state, sign) ? Either.right(null) : fault(state.at, `'${sign}' is missing`)

const readUnion = (state: State): Read<JsonSchemaObject> =>
  Either.gen(function*() {
    if (++state.depth > maxDepth) return yield* fault(state.at, `a type is nested more than ${maxDepth} levels deep`)
    const either = [yield* readOne(state)]
    while (accept(state, "|")) either.push(yield* readOne(state))
    state.depth--
    const [only = {}] = either
    return either.length === 1 ? only : { anyOf: either }
  })

const readOne = (state: State): Read<JsonSchemaObject> =>
  Either.gen(function*() {
    if (accept(state, "{")) return yield* readObject(state)
    const { at } = state
    const name = take(state, word)
    if (name === undefined) return yield* fault(state.at, "a type is missing")
    if (name === "enum") return yield* readEnum(state)
    const kind = kinds.get(name)
    if (kind === undefined) {
      return yield* fault(at, `'${name}' is no type.${Nearest.suggestion(name, names) || ` Known are ${known}.`}`)
    }
    if (!accept(state, "<")) return kind
    if (kind["type"] !== "array" && name !== "map") return yield* fault(state.at - 1, `'${name}' holds no other type`)
    const inner = yield* readUnion(state)
    yield* expect(state, ">")
    return name === "map" ? { type: "object", additionalProperties: inner } : list(inner)
  })

const known = "any, string, int, number, bool, null, object, list<…>, map<…>, {name: …}, enum(…)"

const readObject = (state: State): Read<JsonSchemaObject> =>
  Either.gen(function*() {
    const members: Array<readonly [string, JsonSchemaObject]> = []
    while (!accept(state, "}")) {
      const name = take(state, word)
      if (name === undefined) return yield* fault(state.at, "a name or '}' is missing")
      const mark = accept(state, "?") ? "?" : ""
      yield* expect(state, ":")
      members.push([name + mark, yield* readUnion(state)])
      if (!accept(state, ",") && skipSpace(state) !== "}") return yield* fault(state.at, "',' or '}' is missing")
    }
    return object(members)
  })

const readEnum = (state: State): Read<JsonSchemaObject> =>
  Either.gen(function*() {
    yield* expect(state, "(")
    const values: Array<Json> = []
    do {
      const text = take(state, quoted)
      const value = text === undefined ? take(state, bare) : text
      if (value === undefined) return yield* fault(state.at, "a value is missing")
      values.push(text === undefined ? literal(value.trim()) : text.slice(1, -1))
    } while (accept(state, ","))
    yield* expect(state, ")")
    return { enum: values }
  })

const literal = (text: string): Json => {
  if (/^-?(?:0|[1-9]\d{0,14})(?:\.\d{1,9})?$/.test(text)) return Number(text)
  return text === "true" ? true : text === "false" ? false : text === "null" ? null : text
}
