/**
 * Settings from variables and the files they name, on Node.
 */
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Fs from "node:fs"
import * as SystemError from "../internal/systemError.ts"
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

/** Why a file gave no text. */
class Unread extends Schema.TaggedError<Unread>("owf/node/SettingsNode/Unread")("Unread", {
  isAbsent: Schema.Boolean,
  why: Schema.String
}) {}

const readText: Settings.ReadText = (path) =>
  Effect.acquireUseRelease(
    attempt(() => Fs.openSync(path, Fs.constants.O_RDONLY | Fs.constants.O_NONBLOCK)),
    readOpen,
    (file) => Effect.sync(() => Fs.closeSync(file))
  ).pipe(Effect.catchAll(({ isAbsent, why }) => isAbsent ? Effect.succeed(undefined) : Effect.fail(why)))

const readOpen = Effect.fnUntraced(function*(file: number) {
  const status = yield* attempt(() => Fs.fstatSync(file))
  // a pipe or a device has no end that could be waited for
  if (!status.isFile()) return yield* new Unread({ isAbsent: false, why: "it is not a file" })
  if (status.size > maxBytes) return yield* new Unread({ isAbsent: false, why: `it has more than ${maxBytes} bytes` })
  return yield* attempt(() => Fs.readFileSync(file, "utf8"))
})

const attempt = <A>(use: () => A): Effect.Effect<A, Unread> =>
  Effect.try({
    try: use,
    catch: (error) =>
      new Unread({
        isAbsent: SystemError.isAbsent(error),
        why: `it cannot be read (${SystemError.codeOf(error) ?? String(error)})`
      })
  })
