/**
 * Where what is logged goes while a command runs: to stderr, because stdout is for results.
 */
import * as Inspectable from "effect/Inspectable"
import type * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"

/**
 * Writes what is logged to stderr, a line for each.
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<never> = Logger.replace(
  Logger.defaultLogger,
  Logger.make(({ cause, logLevel, message }) => {
    const parts = Array.isArray(message) ? message : [message]
    const words = parts.map((part: unknown) => typeof part === "string" ? part : Inspectable.toStringUnknown(part))
    const why = cause._tag === "Empty" ? [] : [Inspectable.toStringUnknown(cause)]
    const level = LogLevel.greaterThan(logLevel, LogLevel.Warning)
      ? "error: "
      : LogLevel.greaterThanEqual(logLevel, LogLevel.Warning)
      ? "warning: "
      : ""
    process.stderr.write(`${level}${[...words, ...why].join(" ")}\n`)
  })
)
