/**
 * Filters for lists, objects and numbers. What is made is charged, and comparisons count as steps.
 */
import type { Operation } from "./arguments.ts"
import type { Runtime } from "./runtime.ts"
import * as Runtimes from "./runtime.ts"
import { toText } from "./text.ts"
import type { Value } from "./values.ts"
import * as Values from "./values.ts"

type Filter = Operation<Value>

/**
 * The value at a path such as `file.name` below another.
 * @category converting
 * @since 0.1.0
 */
export const attribute = (value: Value, path: Value): Value => {
  const keys = typeof path === "number" ? [path] : String(path).split(".").map(toKey)
  return keys.reduce<Value>(
    (current, key) => current instanceof Values.Undefined ? current : Values.getItem(current, key, () => String(path)),
    value
  )
}

/**
 * Items in order: numbers by size, texts by their letters, of either case alike unless asked otherwise.
 * @category converting
 * @since 0.1.0
 */
export const sorted = (
  runtime: Runtime,
  items: ReadonlyArray<Value>,
  keyOf: (item: Value) => Value,
  isCaseSensitive: boolean
): ReadonlyArray<Value> => {
  Runtimes.chargeItems(runtime, items.length)
  return items.map((item) => ({ item, key: fold(keyOf(item), isCaseSensitive) }))
    .toSorted((left, right) => {
      Runtimes.step(runtime)
      return Values.compare(runtime, left.key, right.key)
    })
    .map(({ item }) => item)
}

/**
 * The filters by name.
 * @category constants
 * @since 0.1.0
 */
export const listFilters: ReadonlyMap<string, Filter> = new Map<string, Filter>([
  ["abs", { parameters: [], apply: (runtime, value) => Math.abs(Values.toNumber(runtime, value)) }],
  ["attr", { parameters: ["name"], apply: (_, value, args) => attribute(value, args.text("name")) }],
  ["batch", { parameters: ["linecount", "fill_with"], apply: applyBatch }],
  ["count", { parameters: [], apply: length }],
  ["d", { parameters: ["default_value", "boolean"], apply: applyDefault }],
  ["default", { parameters: ["default_value", "boolean"], apply: applyDefault }],
  ["dictsort", { parameters: ["case_sensitive", "by", "reverse"], apply: applyDictSort }],
  ["first", { parameters: [], apply: (runtime, value) => at(runtime, value, 0) }],
  ["float", {
    parameters: ["default"],
    apply: (runtime, value, args) => parsed(runtime, value, args.number("default", 0))
  }],
  ["groupby", { parameters: ["attribute", "default", "case_sensitive"], apply: applyGroupBy }],
  ["int", {
    parameters: ["default"],
    apply: (runtime, value, args) => Math.trunc(parsed(runtime, value, args.number("default", 0)))
  }],
  ["items", { parameters: [], apply: applyItems }],
  ["join", { parameters: ["d", "attribute"], apply: applyJoin }],
  ["last", { parameters: [], apply: (runtime, value) => at(runtime, value, -1) }],
  ["length", { parameters: [], apply: length }],
  ["list", { parameters: [], apply: (runtime, value) => Values.toList(runtime, value) }],
  ["max", {
    parameters: ["case_sensitive", "attribute"],
    apply: (runtime, value, args) => extreme(runtime, value, args, -1)
  }],
  ["min", {
    parameters: ["case_sensitive", "attribute"],
    apply: (runtime, value, args) => extreme(runtime, value, args, 0)
  }],
  ["reverse", { parameters: [], apply: applyReverse }],
  ["round", { parameters: ["precision", "method"], apply: applyRound }],
  ["slice", { parameters: ["slices", "fill_with"], apply: applySlice }],
  ["sort", { parameters: ["reverse", "case_sensitive", "attribute"], apply: applySort }],
  ["sum", { parameters: ["attribute", "start"], apply: applySum }],
  ["unique", { parameters: ["case_sensitive", "attribute"], apply: applyUnique }]
])

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Apply = Parameters<Filter["apply"]>

const toKey = (part: string) => /^\d{1,9}$/.test(part) ? Number(part) : part

const fold = (value: Value, isCaseSensitive: boolean): Value =>
  typeof value === "string" && !isCaseSensitive ? value.toLowerCase() : value

function keyWith(args: Apply[2]): (item: Value) => Value {
  const path = args.value("attribute")
  return (item) => path === undefined || path === null ? item : attribute(item, path)
}

function length(runtime: Runtime, value: Value): Value {
  if (typeof value === "string") return value.length - pairs(value)
  return Values.toList(runtime, value).length
}

/** Characters that take two places of a text. */
function pairs(text: string): number {
  let count = 0
  for (let index = 1; index < text.length; index++) {
    if ((text.codePointAt(index - 1) ?? 0) > 0xffff) count++
  }
  return count
}

function at(runtime: Runtime, value: Value, index: number): Value {
  if (typeof value === "string" && value.length > 2) {
    return Array.from(index === 0 ? value.slice(0, 2) : value.slice(-2)).at(index) ?? ""
  }
  const items = Values.toList(runtime, value)
  return items.at(index) ??
    (value instanceof Values.Undefined ? value : new Values.Undefined("the item of an empty list"))
}

function applyDefault(...[, value, args]: Apply): Value {
  const isMissing = value instanceof Values.Undefined || args.flag("boolean") && !Values.isTruthy(value)
  return isMissing ? args.value("default_value") ?? (args.value("default_value") === null ? null : "") : value
}

function parsed(runtime: Runtime, value: Value, fallback: number): number {
  Values.demand(runtime, value)
  if (typeof value === "boolean") return value ? 1 : 0
  if (typeof value === "number") return value
  const isNumber = typeof value === "string" && value.length < 1_000 &&
    /^\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?\s*$/i.test(value)
  const number = isNumber ? Number(value) : fallback
  return Number.isFinite(number) ? number : fallback
}

function applyItems(...[runtime, value]: Apply): Value {
  if (value instanceof Values.Undefined) return Values.toList(runtime, value)
  if (!Values.isDict(value)) return Runtimes.fail(runtime, "TypeMismatch", `${Values.kindOf(value)} has no fields`)
  const entries = Object.entries(value)
  Runtimes.chargeItems(runtime, entries.length * 3)
  return entries
}

function applyJoin(...[runtime, value, args]: Apply): Value {
  const keyOf = keyWith(args)
  const texts = Values.toList(runtime, value).map((item) => toText(runtime, keyOf(item)))
  const separator = args.text("d", "")
  Runtimes.step(runtime, texts.length)
  Runtimes.charge(runtime, texts.reduce((sum, text) => sum + text.length, separator.length * texts.length))
  return texts.join(separator)
}

function applyReverse(...[runtime, value]: Apply): Value {
  const items = Values.toList(runtime, value).toReversed()
  Runtimes.chargeItems(runtime, items.length)
  return typeof value === "string" ? items.join("") : items
}

function applySort(...[runtime, value, args]: Apply): Value {
  const items = sorted(runtime, Values.toList(runtime, value), keyWith(args), args.flag("case_sensitive"))
  return args.flag("reverse") ? items.toReversed() : items
}

function applyDictSort(...[runtime, value, args]: Apply): Value {
  const entries = applyItems(runtime, value, args, { positional: [], named: new Map() })
  const part = args.text("by", "key") === "value" ? 1 : 0
  const items = sorted(
    runtime,
    Values.toList(runtime, entries),
    (entry) => attribute(entry, part),
    args.flag("case_sensitive")
  )
  return args.flag("reverse") ? items.toReversed() : items
}

function applySum(...[runtime, value, args]: Apply): Value {
  const keyOf = keyWith(args)
  const items = Values.toList(runtime, value)
  Runtimes.step(runtime, items.length)
  const total = items.reduce<number>(
    (sum, item) => sum + Values.toNumber(runtime, keyOf(item)),
    args.number("start", 0)
  )
  return Number.isFinite(total) ? total : Runtimes.fail(runtime, "TypeMismatch", "the sum is no finite number")
}

function extreme(runtime: Runtime, value: Value, args: Apply[2], index: number): Value {
  const items = sorted(runtime, Values.toList(runtime, value), keyWith(args), args.flag("case_sensitive"))
  return items.at(index) ?? new Values.Undefined("the extreme of an empty list")
}

function applyUnique(...[runtime, value, args]: Apply): Value {
  const keyOf = keyWith(args)
  const known: Array<Value> = []
  const found = Values.toList(runtime, value).filter((item) => {
    const key = fold(keyOf(item), args.flag("case_sensitive"))
    const isKnown = known.some((other) => Values.equals(runtime, other, key))
    if (!isKnown) known.push(key)
    return !isKnown
  })
  Runtimes.chargeItems(runtime, found.length)
  return found
}

function applyGroupBy(...[runtime, value, args]: Apply): Value {
  const keyOf = keyWith(args)
  const fallback = args.value("default")
  const groups: Array<{ readonly key: Value; readonly folded: Value; readonly items: Array<Value> }> = []
  const items = Values.toList(runtime, value)
  Runtimes.chargeItems(runtime, items.length)
  for (const item of items) {
    const found = keyOf(item)
    const key = found instanceof Values.Undefined && fallback !== undefined ? fallback : found
    const folded = fold(key, args.flag("case_sensitive"))
    const group = groups.find((group) => Values.equals(runtime, group.folded, folded))
    if (group === undefined) groups.push({ key, folded, items: [item] })
    else group.items.push(item)
  }
  return sorted(runtime, groups.map(({ items, key }) => [key, items]), (group) => attribute(group, 0), false)
}

function applyBatch(...[runtime, value, args]: Apply): Value {
  const size = Math.max(1, args.integer("linecount"))
  const items = Values.toList(runtime, value)
  const fillWith = args.value("fill_with")
  const missing = fillWith === undefined || fillWith === null ? 0 : (size - items.length % size) % size
  Runtimes.chargeItems(runtime, items.length * 2 + missing)
  const all = [...items, ...Array.from({ length: missing }, () => fillWith ?? null)]
  return Array.from({ length: Math.ceil(all.length / size) }, (_, row) => all.slice(row * size, (row + 1) * size))
}

function applySlice(...[runtime, value, args]: Apply): Value {
  const count = Math.max(1, args.integer("slices"))
  const items = Values.toList(runtime, value)
  Runtimes.chargeItems(runtime, items.length + count)
  const longer = items.length % count
  const size = Math.floor(items.length / count)
  const fillWith = args.value("fill_with")
  return Array.from({ length: count }, (_, index) => {
    const start = index * size + Math.min(index, longer)
    const part = items.slice(start, start + size + (index < longer ? 1 : 0))
    return fillWith !== undefined && fillWith !== null && longer > 0 && index >= longer ? [...part, fillWith] : part
  })
}

function applyRound(...[runtime, value, args]: Apply): Value {
  const number = Values.toNumber(runtime, value)
  const scale = 10 ** Math.max(-20, Math.min(20, args.integer("precision", 0)))
  const rounded = rounding(args.text("method", "common"))(number * scale) / scale
  return Number.isFinite(rounded) ? rounded : number
}

const rounding = (method: string): (value: number) => number => {
  if (method === "ceil") return Math.ceil
  return method === "floor" ? Math.floor : halfEven
}

/** Python rounds a half to the even neighbour. */
const halfEven = (value: number): number => {
  const low = Math.floor(value)
  if (value - low !== 0.5) return Math.round(value)
  return low % 2 === 0 ? low : low + 1
}
