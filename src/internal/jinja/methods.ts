/**
 * Python's methods of texts, lists and objects, as far as they change nothing. They exist in calls only: `o.items` is
 * the field of an object, `o.items()` its fields.
 */
import type { Operation } from "./arguments.ts"
import * as Bindings from "./arguments.ts"
import type { Runtime } from "./runtime.ts"
import * as Runtimes from "./runtime.ts"
import { toText } from "./text.ts"
import * as TextFilters from "./textFilters.ts"
import type { Arguments, Value } from "./values.ts"
import * as Values from "./values.ts"

/**
 * Calls a method of a value; undefined where its kind has none of this name.
 * @category converting
 * @since 0.1.0
 */
export const callMethod = (runtime: Runtime, value: Value, name: string, args: Arguments): Value | undefined => {
  Runtimes.step(runtime, Values.costOf(value))
  const method = methodsOf(value)?.get(name)
  if (method !== undefined) {
    return method.apply(runtime, value, Bindings.bind(runtime, name, method.parameters, args), args)
  }
  if (typeof value === "string" && name === "format") return format(runtime, value, args)
  if (mutating.has(name) && (Values.isList(value) || Values.isDict(value))) {
    return Runtimes.fail(runtime, "TypeMismatch", `'${name}' would change a value; '{% set %}' makes a new one`)
  }
  return undefined
}

/**
 * Whether some value has a method of this name.
 * @category predicates
 * @since 0.1.0
 */
export const isMethod = (name: string): boolean => methodNames().includes(name)

/**
 * The names of all methods.
 * @category converting
 * @since 0.1.0
 */
export const methodNames = (): ReadonlyArray<string> => [
  ...textMethods.keys(),
  ...listMethods.keys(),
  ...dictMethods.keys(),
  "format"
]

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Method = Operation<Value>

const mutating = new Set(["append", "extend", "insert", "pop", "remove", "clear", "update", "setdefault", "sort"])

const methodsOf = (value: Value): ReadonlyMap<string, Method> | undefined => {
  if (typeof value === "string") return textMethods
  if (Values.isList(value)) return listMethods
  return Values.isDict(value) ? dictMethods : undefined
}

const text = (
  parameters: ReadonlyArray<string>,
  apply: (runtime: Runtime, text: string, args: Bindings.Bound) => Value
): Method => ({
  parameters,
  apply: (runtime, value, args) => {
    const own = typeof value === "string" ? value : ""
    // no method makes more than twice of its text without charging for it
    Runtimes.charge(runtime, own.length)
    return apply(runtime, own, args)
  }
})

const strip = (side: "left" | "right" | "both") =>
  text(["chars"], (_, own, args) => {
    const characters = args.value("chars")
    return TextFilters.strip(own, characters === undefined || characters === null ? null : args.text("chars"), side)
  })

const pad = (side: "left" | "right" | "both") =>
  text(["width", "fill"], (runtime, own, args) => {
    const fill = args.text("fill", " ")
    return TextFilters.pad(runtime, own, args.integer("width"), side, fill.length === 1 ? fill : " ")
  })

const affix = (is: (own: string, part: string) => boolean) =>
  text(["part"], (runtime, own, args) => {
    const part = args.value("part")
    return part !== undefined && Values.isList(part)
      ? part.some((one) => is(own, toText(runtime, one)))
      : is(own, args.text("part"))
  })

const split = (runtime: Runtime, own: string, args: Bindings.Bound): Value => {
  const separator = args.value("sep")
  const limit = args.integer("maxsplit", -1)
  const isPlain = separator === undefined || separator === null
  if (!isPlain) Values.chargeSearch(runtime, own, args.text("sep"))
  const pieces = isPlain ? own.split(/\s+/).filter((piece) => piece !== "") : own.split(args.text("sep"))
  Runtimes.chargeItems(runtime, pieces.length)
  if (limit < 0 || pieces.length <= limit + 1) return pieces
  return [...pieces.slice(0, limit), pieces.slice(limit).join(isPlain ? " " : args.text("sep"))]
}

const textMethods: ReadonlyMap<string, Method> = new Map([
  ["upper", text([], (_, own) => own.toUpperCase())],
  ["lower", text([], (_, own) => own.toLowerCase())],
  ["title", text([], (_, own) => TextFilters.title(own))],
  ["capitalize", text([], (_, own) => TextFilters.capitalize(own))],
  ["strip", strip("both")],
  ["lstrip", strip("left")],
  ["rstrip", strip("right")],
  ["center", pad("both")],
  ["ljust", pad("right")],
  ["rjust", pad("left")],
  ["zfill", text(["width"], (runtime, own, args) => TextFilters.pad(runtime, own, args.integer("width"), "left", "0"))],
  ["startswith", affix((own, part) => own.startsWith(part))],
  ["endswith", affix((own, part) => own.endsWith(part))],
  [
    "removeprefix",
    text(["part"], (_, own, args) => {
      const part = args.text("part")
      return own.startsWith(part) ? own.slice(part.length) : own
    })
  ],
  [
    "removesuffix",
    text(["part"], (_, own, args) => {
      const part = args.text("part")
      return part !== "" && own.endsWith(part) ? own.slice(0, -part.length) : own
    })
  ],
  ["split", text(["sep", "maxsplit"], split)],
  [
    "splitlines",
    text([], (runtime, own) => {
      const lines = own.split(/\r\n|\r|\n/)
      Runtimes.chargeItems(runtime, lines.length)
      return lines.at(-1) === "" ? lines.slice(0, -1) : lines
    })
  ],
  [
    "replace",
    text(
      ["old", "new", "count"],
      (runtime, own, args) =>
        TextFilters.replace(runtime, own, args.text("old"), args.text("new"), args.integer("count", -1))
    )
  ],
  [
    "find",
    text(["part"], (runtime, own, args) => {
      Values.chargeSearch(runtime, own, args.text("part"))
      return own.indexOf(args.text("part"))
    })
  ],
  [
    "count",
    text(["part"], (runtime, own, args) => {
      Values.chargeSearch(runtime, own, args.text("part"))
      const pieces = own.split(args.text("part"))
      Runtimes.chargeItems(runtime, pieces.length)
      return pieces.length - 1
    })
  ],
  [
    "join",
    text(["items"], (runtime, own, args) => {
      const texts = Values.toList(runtime, args.value("items") ?? []).map((item) => toText(runtime, item))
      Runtimes.charge(runtime, texts.reduce((sum, item) => sum + item.length, own.length * texts.length))
      return texts.join(own)
    })
  ],
  ["isdigit", text([], (_, own) => /^\p{Nd}+$/u.test(own))],
  ["isalpha", text([], (_, own) => /^\p{L}+$/u.test(own))],
  ["isspace", text([], (_, own) => /^\s+$/.test(own))],
  ["isupper", text([], (_, own) => own === own.toUpperCase() && own !== own.toLowerCase())],
  ["islower", text([], (_, own) => own === own.toLowerCase() && own !== own.toUpperCase())]
])

const listMethods: ReadonlyMap<string, Method> = new Map([
  ["index", {
    parameters: ["item"],
    apply: (runtime, value, args) => {
      const index = Values.toList(runtime, value).findIndex((item) =>
        Values.equals(runtime, item, args.value("item") ?? null)
      )
      return index < 0 ? Runtimes.fail(runtime, "TypeMismatch", "the list has no such item") : index
    }
  }],
  ["count", {
    parameters: ["item"],
    apply: (runtime, value, args) =>
      Values.toList(runtime, value).filter((item) => Values.equals(runtime, item, args.value("item") ?? null)).length
  }]
])

const dict = (parameters: ReadonlyArray<string>, apply: (own: Values.Dict, args: Bindings.Bound) => Value): Method => ({
  parameters,
  apply: (runtime, value, args) => {
    const own = Values.isDict(value) ? value : {}
    Runtimes.chargeItems(runtime, parameters.length === 0 ? Object.keys(own).length * 3 : 1)
    return apply(own, args)
  }
})

const dictMethods: ReadonlyMap<string, Method> = new Map([
  ["items", dict([], (own) => Object.entries(own))],
  ["keys", dict([], (own) => Object.keys(own))],
  ["values", dict([], (own) => Object.values(own))],
  [
    "get",
    dict(["key", "default"], (own, args) => {
      const found = Values.getItem(own, args.value("key") ?? null, () => "")
      return found instanceof Values.Undefined ? args.value("default") ?? null : found
    })
  ]
])

/** `'{} of {total}'.format(1, total=2)`: places without paths or formats, which in Python reach far. */
const format = (runtime: Runtime, pattern: string, { named, positional }: Arguments): string => {
  let index = 0
  const filled = pattern.replace(/\{\{|\}\}|\{([^{}]{0,200})\}/g, (whole: string, name?: string) => {
    if (name === undefined) return whole.charAt(0)
    const value = name === "" ? positional[index++] : /^\d+$/.test(name) ? positional[Number(name)] : named.get(name)
    if (value === undefined) return Runtimes.fail(runtime, "TypeMismatch", `there is no value for '${whole}'`)
    const put = toText(runtime, value)
    Runtimes.charge(runtime, put.length)
    return put
  })
  Runtimes.charge(runtime, filled.length)
  return filled
}
