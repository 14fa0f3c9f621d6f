/**
 * Settings from variables and the files they name, on Node.
 */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Fs from "node:fs"
import * as Settings from "../settings/Settings.ts"

/**
 * Settings from a record of variables; the providers file is read when it is first asked about.
 * @category layers
 * @since 0.1.0
 */
export const layer = (environment: Settings.Environment): Layer.Layer<Settings.Settings, Settings.SettingsError> =>
  Settings.layer(environment, readText)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const maxBytes = 4_194_304

const readText: Settings.ReadText = (path) =>
  Effect.try({
    try: () => {
      const file = Fs.openSync(path, Fs.constants.O_RDONLY | Fs.constants.O_NONBLOCK)
      try {
        const status = Fs.fstatSync(file)
        // a pipe or a device has no end that could be waited for
        if (!status.isFile()) return new Error("it is not a file")
        return status.size > maxBytes ? new Error(`it has more than ${maxBytes} bytes`) : Fs.readFileSync(file, "utf8")
      } finally {
        Fs.closeSync(file)
      }
    },
    // what node:fs throws has a code
    catch: (error) => error as NodeJS.ErrnoException
  }).pipe(
    Effect.flatMap((read) => typeof read === "string" ? Effect.succeed(read) : Effect.fail(read.message)),
    Effect.catchAll((error) => {
      if (typeof error === "string") return Effect.fail(error)
      return error.code === "ENOENT" || error.code === "ENOTDIR"
        ? Effect.succeed(undefined)
        : Effect.fail(`it cannot be read (${error.code ?? error.message})`)
    })
  )
