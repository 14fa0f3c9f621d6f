/**
 * What a program wrote into the files it was told to write, read once it has ended.
 *
 * A report adds to an answer and never takes its place, so one that is missing, too large or unreadable is left out.
 */
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"

/**
 * The texts of these files of a directory, masked, by name.
 * @category running
 * @since 0.1.0
 */
export const read = (
  files: FileSystem.FileSystem,
  directory: string,
  mask: (text: string) => string,
  names: ReadonlyArray<string> = []
): Effect.Effect<Readonly<Record<string, string>>> =>
  Effect.map(
    Effect.forEach(names, (name) =>
      Effect.orElseSucceed(
        Effect.flatMap(
          files.stat(`${directory}/${name}`),
          ({ size, type }) =>
            type === "File" && size > 0n && size <= largest
              ? Effect.map(files.readFileString(`${directory}/${name}`), (text) => [[name, mask(text)] as const])
              : Effect.succeed([])
        ),
        () => []
      )),
    (read) => Object.fromEntries(read.flat())
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const largest = 4_194_304n
