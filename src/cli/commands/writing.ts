/**
 * Files that commands write for users: never over one that is there, unless that is asked for.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Usage from "../UsageError.ts"

/**
 * Writes a file, with the directories above it; gives its absolute path.
 * @category running
 * @since 0.1.0
 */
export const write = (file: string, text: string, { force }: { readonly force: boolean }) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const target = path.resolve(file)
    const written = Effect.zipRight(
      fs.makeDirectory(path.dirname(target), { recursive: true }),
      fs.writeFileString(target, text, { flag: force ? "w" : "wx" })
    )
    yield* Effect.mapError(written, (error) =>
      error._tag === "SystemError" && error.reason === "AlreadyExists"
        ? exists(file)
        : Usage.make(`${file} cannot be written: ${error.message}`))
    return target
  })

/**
 * Fails where a file is in the way, before anything is done for it.
 * @category running
 * @since 0.1.0
 */
export const ensureFree = (file: string, { force }: { readonly force: boolean }) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) =>
    Effect.flatMap(
      Effect.orElseSucceed(fs.exists(file), () => false),
      (isThere) => isThere && !force ? Effect.fail(exists(file)) : Effect.void
    ))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const exists = (file: string) =>
  Usage.make(`${file} already exists.`, "Choose another name, or replace it with --force.")
