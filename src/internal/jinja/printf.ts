/**
 * Python's `'%s: %05.1f' % …`, as the filter `format` offers it.
 */
import type { Runtime } from "./runtime.ts"
import * as Runtimes from "./runtime.ts"
import { toText, write } from "./text.ts"
import type { Value } from "./values.ts"
import * as Values from "./values.ts"

/**
 * The pattern with its places filled, in order.
 * @category converting
 * @since 0.1.0
 */
export const printf = (runtime: Runtime, pattern: string, values: ReadonlyArray<Value>): string => {
  let index = 0
  const text = pattern.replace(
    place,
    (whole: string, flags: string, width: string, precision: string, kind: string) => {
      if (kind === "%") return "%"
      const value = values[index++]
      if (value === undefined) return Runtimes.fail(runtime, "TypeMismatch", `there is no value for '${whole}'`)
      const digits = precision === "" ? undefined : Number(precision.slice(1))
      const formatted = format(runtime, kind, value, digits)
      return fill(runtime, formatted, flags, Number(width), kind)
    }
  )
  Runtimes.charge(runtime, text.length)
  return index < values.length ? Runtimes.fail(runtime, "TypeMismatch", "there are more values than places") : text
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const place = /%([-+ 0]{0,4})(\d{0,4})((?:\.\d{1,2})?)([sdifrxX%])/g

const format = (runtime: Runtime, kind: string, value: Value, digits: number | undefined): string => {
  switch (kind) {
    case "s":
      return toText(runtime, value).slice(0, digits)
    case "r":
      return write(runtime, value, runtime.spelling)
    case "f":
      return fixed(Values.toNumber(runtime, value), digits ?? 6)
    case "x":
      return Math.trunc(Values.toNumber(runtime, value)).toString(16)
    case "X":
      return Math.trunc(Values.toNumber(runtime, value)).toString(16).toUpperCase()
    default:
      return fixed(Math.trunc(Values.toNumber(runtime, value)), 0)
  }
}

const fixed = (value: number, digits: number) => (Object.is(value, -0) ? 0 : value).toFixed(digits)

const fill = (runtime: Runtime, text: string, flags: string, width: number, kind: string): string => {
  Runtimes.charge(runtime, Math.max(width, text.length))
  const isNumber = kind !== "s" && kind !== "r"
  const sign = !isNumber || text.startsWith("-") ? "" : flags.includes("+") ? "+" : flags.includes(" ") ? " " : ""
  const signed = sign + text
  if (flags.includes("-")) return signed.padEnd(width)
  if (!flags.includes("0") || !isNumber) return signed.padStart(width)
  const start = /^[-+ ]?/.exec(signed)?.[0] ?? ""
  return start + signed.slice(start.length).padStart(width - start.length, "0")
}
