/**
 * What a template calls that does not exist, found before it is rendered.
 *
 * - C1. Only what is certain is told. Values of a context are JSON, so nothing of them can be called: a function is one of
 *   ours, or set in a text; a method is one of texts, lists or objects, or a field some text sets.
 * - C2. Texts that are rendered together know what is set in each other.
 */
import { nearest } from "../nearest.ts"
import type { Argument, Expr, FilterExpr } from "./ast.ts"
import { filterNames, isFilter, parametersOfFilter } from "./filters.ts"
import { globals } from "./globals.ts"
import { isMethod, methodNames } from "./methods.ts"
import { tests } from "./tests.ts"

/**
 * Something that is wrong at a place of a text.
 * @category models
 * @since 0.1.0
 */
export interface Wrong {
  readonly at: number
  readonly detail: string
}

/**
 * What a text calls, and what it makes that can be called.
 * @category models
 * @since 0.1.0
 */
export interface Calls {
  readonly functions: Array<{ readonly name: string; readonly at: number }>
  readonly methods: Array<{ readonly name: string; readonly at: number }>
  /** Calls that are wrong whatever other texts set. */
  readonly wrong: Array<Wrong>
  /** Names it sets. */
  readonly bound: Set<string>
  /** Fields it sets. */
  readonly fields: Set<string>
}

/**
 * Nothing yet.
 * @category constructors
 * @since 0.1.0
 */
export const empty = (): Calls => ({
  functions: [],
  methods: [],
  wrong: [],
  bound: new Set(["loop"]),
  fields: new Set(["changed", "cycle"])
})

/**
 * Notes a call.
 * @category combinators
 * @since 0.1.0
 */
export const noteCall = (calls: Calls, { args, at, target }: Extract<Expr, { readonly _tag: "Call" }>): void => {
  for (const { name } of args) if (name !== null) calls.fields.add(name)
  if (target._tag === "Name") calls.functions.push({ name: target.name, at: target.at })
  if (target._tag === "Attribute") calls.methods.push({ name: target.name, at })
}

/**
 * Notes the fields of an object that is written out.
 * @category combinators
 * @since 0.1.0
 */
export const noteFields = (calls: Calls, { entries }: Extract<Expr, { readonly _tag: "Dict" }>): void => {
  for (const [key] of entries) calls.fields.add(key._tag === "Constant" ? String(key.value) : anyField)
}

/**
 * Notes what is wrong with a filter whose name is known.
 * @category combinators
 * @since 0.1.0
 */
export const noteFilter = (calls: Calls, { args, name }: FilterExpr, at: number): void => {
  const parameters = parametersOfFilter(name)
  if (parameters !== undefined) noteArguments(calls, { name, at, parameters, args })
  const positional = args.filter((argument) => argument.name === null)
  const named = positional[name.endsWith("attr") ? 1 : 0]?.value
  if (named?._tag !== "Constant" || typeof named.value !== "string") return
  const { value } = named
  if (name === "map" && !isFilter(value)) {
    calls.wrong.push({ at: named.at, detail: unknown("filter", value, filterNames()) })
  }
  if (/^(?:select|reject)/.test(name) && !tests.has(value)) {
    calls.wrong.push({ at: named.at, detail: unknown("test", value, [...tests.keys()]) })
  }
}

/**
 * Notes what is wrong with a test whose name is known.
 * @category combinators
 * @since 0.1.0
 */
export const noteTest = (calls: Calls, { args, at, name }: Extract<Expr, { readonly _tag: "Test" }>): void => {
  const { parameters } = tests.get(name) ?? {}
  if (parameters !== undefined) noteArguments(calls, { name, at, parameters, args })
}

/**
 * What is wrong with the calls of a text that is rendered with others.
 * @category converting
 * @since 0.1.0
 */
export const wrongIn = (calls: Calls, others: ReadonlyArray<Calls>): ReadonlyArray<Wrong> => {
  const all = [calls, ...others]
  const names = [...new Set([...globals.keys(), ...all.flatMap(({ bound }) => [...bound])])]
  const hasField = (name: string) => all.some((one) => one.fields.has(name))
  const functions = calls.functions.filter(({ name }) => !names.includes(name))
  const methods = hasField(anyField) ? [] : calls.methods.filter(({ name }) => !isMethod(name) && !hasField(name))
  return [
    ...calls.wrong,
    ...functions.map(({ at, name }) => ({ at, detail: `${unknown("function", name, names)}${asFilter(name)}` })),
    ...methods.map(({ at, name }) => ({ at, detail: unknown("method", name, methodNames()) }))
  ].toSorted((left, right) => left.at - right.at)
}

/**
 * That there is nothing of a name, and what was probably meant.
 * @category converting
 * @since 0.1.0
 */
export const unknown = (kind: string, name: string, names: ReadonlyArray<string>): string => {
  const [close] = nearest(name, names)
  return `there is no ${kind} '${name}'${close === undefined ? "" : `; did you mean '${close}'?`}`
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Stands for the name of a field that is made when the text is rendered. */
const anyField = "*"

interface Given {
  readonly name: string
  readonly at: number
  readonly parameters: ReadonlyArray<string>
  readonly args: ReadonlyArray<Argument>
}

const noteArguments = ({ wrong }: Calls, { args, at, name, parameters }: Given): void => {
  const names = args.flatMap((argument) => argument.name === null ? [] : [argument.name])
  if (args.length - names.length > parameters.length) {
    const most = parameters.length === 0 ? "no arguments" : `at most ${parameters.length} arguments`
    wrong.push({ at, detail: `'${name}' takes ${most}` })
  }
  const other = names.find((given) => !parameters.includes(given))
  if (other === undefined) return
  const [close] = nearest(other, parameters)
  const has = parameters.length === 0 ? "" : `; it has ${parameters.join(", ")}`
  const advice = close === undefined ? has : `; did you mean '${close}'?`
  wrong.push({ at, detail: `'${name}' has no parameter '${other}'${advice}` })
}

/** Functions of Python, and of expressions, are filters in templates. */
const asFilter = (name: string): string => {
  const filter = name === "len" ? "length" : name === "str" ? "string" : name
  return isFilter(filter) ? `; write '… | ${filter}'` : ""
}
