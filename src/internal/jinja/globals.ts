/**
 * The functions every template knows.
 */
import * as Bindings from "./arguments.ts"
import type { Runtime } from "./runtime.ts"
import * as Runtimes from "./runtime.ts"
import type { Arguments, Value } from "./values.ts"
import * as Values from "./values.ts"

/**
 * Whole numbers from `start` up to, and without, `stop`.
 * @category constructors
 * @since 0.1.0
 */
export const range = (runtime: Runtime, start: number, stop: number, step: number): ReadonlyArray<number> => {
  if (step === 0) return Runtimes.fail(runtime, "TypeMismatch", "a range has no step of zero")
  const count = Math.max(0, Math.ceil((stop - start) / step))
  if (!(count <= Runtimes.maxRange)) {
    return Runtimes.fail(runtime, "Limit", `a range has at most ${Runtimes.maxRange} numbers`)
  }
  Runtimes.chargeItems(runtime, count)
  return Array.from({ length: count }, (_, index) => start + index * step)
}

/**
 * The functions by name.
 * @category constants
 * @since 0.1.0
 */
export const globals: ReadonlyMap<string, Value> = new Map(
  ([
    ["range", (runtime, args) => {
      const bound = Bindings.bind(runtime, "range", ["start", "stop", "step"], args)
      const first = bound.integer("start")
      return args.positional.length === 1
        ? range(runtime, 0, first, 1)
        : range(runtime, first, bound.integer("stop"), bound.integer("step", 1))
    }],
    ["dict", (runtime, args) => {
      Runtimes.chargeItems(runtime, args.named.size)
      const [base] = args.positional
      return { ...(base !== undefined && Values.isDict(base) ? base : {}), ...Object.fromEntries(args.named) }
    }],
    ["namespace", (runtime, args) => {
      const [base] = args.positional
      const fields = base !== undefined && Values.isDict(base) ? Object.entries(base) : []
      Runtimes.chargeItems(runtime, fields.length + args.named.size)
      return new Values.Namespace([...fields, ...args.named])
    }],
    ["joiner", (runtime, args) => {
      const separator = Bindings.bind(runtime, "joiner", ["sep"], args).text("sep", ", ")
      let isUsed = false
      return new Values.Callable("joiner", () => {
        const text = isUsed ? separator : ""
        isUsed = true
        return text
      })
    }]
  ] satisfies ReadonlyArray<readonly [string, (runtime: Runtime, args: Arguments) => Value]>).map(([name, call]) => [
    name,
    new Values.Callable(name, call)
  ])
)
