/**
 * What nodes are made of: outputs, retries, expressions, conditions.
 */
import type { Condition, ExpressionText, Output, Retry, Template } from "./Flow.ts"
import type { Reading, Scope } from "./FlowDraft.ts"
import * as FlowDraft from "./FlowDraft.ts"
import type { Problem } from "./FlowError.ts"
import * as FlowError from "./FlowError.ts"
import type { Fields } from "./FlowFields.ts"
import * as FlowFields from "./FlowFields.ts"
import type { ScalarValue, Value } from "./FlowSource.ts"

/**
 * What a node has to give: a list of keys, or of maps with what they have to be.
 * @category getters
 * @since 0.1.0
 */
export const outputs = (fields: Fields): ReadonlyArray<Output> => {
  const found = new Map<string, Output>()
  for (const item of FlowFields.items(fields, "outputs") ?? []) {
    const output = outputOf(fields, item)
    if (output === null) continue
    const earlier = found.get(output.key)
    if (earlier === undefined) found.set(output.key, output)
    else {
      const detail = `the output '${output.key}' of ${fields.what} is given twice; first in line ${earlier.at.line}`
      fields.problems.push(FlowError.error(output.at, detail))
    }
  }
  return [...found.values()]
}

/**
 * How often a node is run again: a number, or a map of `attempts` and `delay`.
 * @category getters
 * @since 0.1.0
 */
export const retry = (fields: Fields): Retry | null => {
  const found = FlowFields.value(fields, "retry")
  if (found === undefined) return null
  const bounds = { isWhole: true, least: 0, most: 1_000 }
  if (found._tag === "Scalar") {
    const attempts = FlowFields.number(fields, "retry", bounds) ?? 0
    return attempts === 0 ? null : { attempts, delayMs: 0 }
  }
  if (found._tag === "List") {
    return FlowFields.refuse(fields, "retry", "has to be a number, or a map of attempts and delay")
  }
  const inner = FlowFields.open(fields.problems, found, `'retry' of ${fields.what}`, ["attempts", "delay"])
  if (FlowFields.value(inner, "attempts") === undefined) return FlowFields.missing(inner, "attempts")
  const attempts = FlowFields.number(inner, "attempts", bounds) ?? 0
  const delayMs = FlowFields.duration(inner, "delay") ?? 0
  return attempts === 0 ? null : { attempts, delayMs }
}

/**
 * A time, null for none: 0 stands for none as well.
 * @category getters
 * @since 0.1.0
 */
export const timeout = (fields: Fields, key: string, byDefault: number | null = null): number | null =>
  fields.entries.has(key) ? FlowFields.duration(fields, key) || null : byDefault

/**
 * An expression, which may stand in `{{ }}`. A list or a map is what it is.
 * @category getters
 * @since 0.1.0
 */
export const expression = (fields: Fields, key: string): ExpressionText => {
  const found = FlowFields.value(fields, key)
  if (found === undefined) {
    FlowFields.missing(fields, key)
    return { source: "null", at: fields.at }
  }
  if (found._tag !== "Scalar") return literal(fields.problems, `'${key}' of ${fields.what}`, found)
  if (found.text.trim() === "") FlowFields.refuse(fields, key, "is empty")
  return expressionOf(found) ?? { source: found.text, at: found.textAt }
}

/**
 * What a child workflow is given: a text is a template, one that is all of `{{ }}` is the value itself, and so is
 * everything else.
 * @category getters
 * @since 0.1.0
 */
export const childArgs = (fields: Fields): ReadonlyMap<string, Template | ExpressionText> =>
  new Map(FlowFields.entries(fields, "args").map(({ key, value }) => [key, childArg(fields, key, value)]))

/**
 * The comparisons of a branch.
 * @category getters
 * @since 0.1.0
 */
export const conditions = (reading: Reading, scope: Scope, fields: Fields, from: string): ReadonlyArray<Condition> =>
  FlowFields.maps(fields, "conditions", "a condition").flatMap((map) => {
    const what = `a condition of ${fields.what}`
    const inner = FlowFields.open(fields.problems, map, what, ["op", "value", "next"])
    if (FlowFields.value(inner, "op") === undefined) {
      FlowFields.missing(inner, "op", `It is one of ${operators.join(" ")}.`)
    }
    const op = FlowFields.choice(inner, "op", operators)
    const value = inner.entries.get("value")?.value
    if (value === undefined) FlowFields.missing(inner, "value")
    else if (value._tag !== "Scalar") FlowFields.refuse(inner, "value", "has to be a text, a number or a boolean")
    const next = FlowDraft.target(reading, scope, inner, "next", { from, isNeeded: true })
    return op === null || value?._tag !== "Scalar" || next === null ? [] : [{ op, value: value.text, next }]
  })

/**
 * The operators of conditions.
 * @category constants
 * @since 0.1.0
 */
export const operators = ["==", "!=", "<", ">", "<=", ">="] as const

/**
 * Whether a text can be a name of templates and expressions.
 * @category predicates
 * @since 0.1.0
 */
export const isIdentifier = (text: string): boolean => /^[\p{L}_][\p{L}\p{N}_]{0,99}$/u.test(text)

/**
 * A name in the context; `otherwise` where there is none.
 * @category getters
 * @since 0.1.0
 */
export const identifier = <A extends string | null>(fields: Fields, key: string, otherwise: A): string | A => {
  const found = FlowFields.text(fields, key)
  if (found === null) return otherwise
  if (isIdentifier(found) && found !== "__proto__") return found
  FlowFields.refuse(fields, key, `is '${FlowFields.clip(found)}' and has to be a name of letters, digits and '_'`)
  return otherwise
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const outputOf = (fields: Fields, item: Value): Output | null => {
  if (item._tag === "Scalar" && item.value !== null && item.text !== "") {
    return nameOutput(fields, item) ? { key: item.text, schema: null, default: undefined, at: item.at } : null
  }
  if (item._tag !== "Map") {
    const detail = `an output of ${fields.what} has to be a name, or a map of its fields`
    fields.problems.push(FlowError.error(item.at, detail, "Write - key: name."))
    return null
  }
  const known = ["key", "default", "type", "schema", "description"]
  const inner = FlowFields.open(fields.problems, item, `an output of ${fields.what}`, known)
  const key = FlowFields.needed(inner, "key")
  const named = FlowFields.scalar(inner, "key")
  const schema = FlowFields.schema(inner)
  const fallback = inner.entries.get("default")
  if (key === null || named === null || !nameOutput(fields, named)) return null
  return {
    key,
    schema,
    // a type says how a word is meant
    default: fallback === undefined
      ? undefined
      : FlowFields.json(schema === null ? fields.problems : [], fallback.value),
    at: inner.at
  }
}

const nameOutput = ({ problems, what }: Fields, { at, text }: ScalarValue): boolean => {
  if (text !== "__proto__" && text.length <= 200) return true
  problems.push(
    FlowError.error(at, `an output of ${what} cannot be called '${FlowFields.clip(text)}'`, "Choose another name.")
  )
  return false
}

/** The inside of a text that is one `{{ … }}`. */
const expressionOf = ({ text, textAt }: ScalarValue): ExpressionText | null => {
  const inside = /^(\s*\{\{-?)((?:(?!\{\{|\}\}|\{%)[\s\S]){1,10000}?)-?\}\}\s*$/.exec(text)
  if (inside === null) return null
  const [, before = "", source = ""] = inside
  return { source: source.trim(), at: { ...textAt, column: textAt.column + before.length + source.search(/\S|$/) } }
}

/** Values that are written out; expressions have lists but no maps, and do not render texts. */
const literal = (problems: Array<Problem>, what: string, value: Value): ExpressionText => {
  const source = JSON.stringify(FlowFields.json(problems, value))
  if (hasMap(value)) {
    problems.push(
      FlowError.error(value.at, `${what} holds a map`, "Put the value in 'vars' and name it: \"{{ name }}\".")
    )
  } else if (value._tag === "List" && /\{[{%#]/.test(source)) {
    const detail = `${what} has a template inside of a list, where it is not rendered`
    problems.push(FlowError.error(value.at, detail, "Make the list in an expression, such as \"{{ [a, b] }}\"."))
  }
  return { source: hasMap(value) || value._tag === "List" && /\{[{%#]/.test(source) ? "null" : source, at: value.at }
}

const hasMap = (value: Value): boolean => value._tag === "Map" || value._tag === "List" && value.items.some(hasMap)

const childArg = ({ problems, what }: Fields, key: string, value: Value): Template | ExpressionText => {
  if (value._tag === "Scalar" && typeof value.value === "string") {
    const whole = expressionOf(value)
    if (whole !== null) return whole
    if (/\{[{%#]/.test(value.text)) return FlowFields.templateOf(value)
  }
  return literal(problems, `'${key}' in 'args' of ${what}`, value)
}
