/**
 * The variables a command gives a graph: those of a file first, those on the command line over them.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Fs from "node:fs"
import * as Format from "../cli/Format.ts"
import type { RunRequest } from "../cli/Host.ts"
import type { UsageError } from "../cli/UsageError.ts"
import * as Usage from "../cli/UsageError.ts"

/**
 * What `--params-file` and `--params` say.
 * @category converting
 * @since 0.1.0
 */
export const read = (
  { params, paramsFile }: Pick<RunRequest, "params" | "paramsFile">
): Effect.Effect<Readonly<Record<string, unknown>>, UsageError> =>
  Effect.gen(function*() {
    const fromFile = paramsFile === undefined
      ? {}
      : yield* decode(`--params-file ${paramsFile}`, yield* textOf(paramsFile))
    return { ...fromFile, ...(params === undefined ? {} : yield* decode("--params", params)) }
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const maxBytes = 4_194_304

const textOf = (path: string): Effect.Effect<string, UsageError> =>
  Effect.try({
    try: () => {
      const status = Fs.statSync(path)
      if (!status.isFile()) throw new Error("it is not a file")
      if (status.size > maxBytes) throw new Error(`it has more than ${maxBytes} bytes`)
      return Fs.readFileSync(path, "utf8").replace(/^\uFEFF/, "")
    },
    catch: (error) =>
      Usage.make(
        `--params-file ${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
        "Name a file that holds a JSON object."
      )
  })

const Params = Schema.parseJson(Schema.Record({ key: Schema.String, value: Schema.Unknown }))

const decode = (from: string, text: string): Effect.Effect<Readonly<Record<string, unknown>>, UsageError> =>
  Effect.mapError(Schema.decode(Params)(text), () =>
    Usage.make(
      `${from} has to be a JSON object; it is ${Format.clip(text.trim(), 60)}`,
      `Such as --params '{"topic":"tests"}'.`
    ))
