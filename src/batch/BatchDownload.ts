/**
 * Brings a result file of a vendor to disk, and reads it from there.
 *
 * - D1. Memory holds a piece of the file, whatever its size.
 * - D2. What was on disk before a connection broke, or a process died, is not downloaded again where the server can go on.
 * - D3. A file is read only when it is whole: its name without `.part` says so.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Lines from "../internal/subprocess/Lines.ts"
import type { ProviderError } from "../provider/Provider.ts"
import { StoreError } from "../store/RunStore.ts"
import type { Retry } from "../workflow/EngineConfig.ts"
import type { BatchApi, ResultFile } from "./Batch.ts"
import * as BatchRetry from "./BatchRetry.ts"

/**
 * Downloads a file to a path, or goes on with it; one that is there is left alone.
 * @category running
 * @since 0.1.0
 */
export const toFile = (
  api: BatchApi,
  file: ResultFile,
  path: string,
  policy: Retry
): Effect.Effect<void, ProviderError | StoreError, FileSystem.FileSystem> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    if (yield* fs.exists(path)) return
    const part = `${path}.part`
    // what a server that cannot go on in the middle sends again is no progress
    let furthest = 0
    let before = 0
    yield* BatchRetry.withRetry(
      resume(api, file, part, (size) => {
        furthest = Math.max(furthest, size)
      }),
      policy,
      {
        isProgress: () => {
          const isMore = furthest > before
          before = furthest
          return isMore
        }
      }
    )
    yield* fs.rename(part, path)
  }).pipe(Effect.catchTags({ BadArgument: onDisk(path), SystemError: onDisk(path) }))

/**
 * The lines of a file that are not blank; those longer than the bound are left out and counted.
 * @category running
 * @since 0.1.0
 */
export const lines = (
  path: string,
  onDropped: (count: number) => void
): Stream.Stream<string, StoreError, FileSystem.FileSystem> =>
  Stream.unwrap(Effect.map(FileSystem.FileSystem, (fs) => {
    const splitter = Lines.make({ maxLineBytes })
    const last = Stream.suspend(() => {
      const rest = splitter.end()
      if (splitter.facts().dropped > 0) onDropped(splitter.facts().dropped)
      return Stream.fromIterable(rest)
    })
    return fs.stream(path).pipe(
      Stream.catchAll(onDisk(path)),
      Stream.mapConcat((bytes) => splitter.push(bytes)),
      Stream.concat(last),
      Stream.filter((line) => line.trim() !== "")
    )
  }))

/**
 * An error of the file system as one of the home.
 * @category converting
 * @since 0.1.0
 */
export const onDisk = (path: string) => (error: { readonly message: string }): StoreError =>
  new StoreError({ reason: "Io", path, detail: `${path} cannot be written or read: ${error.message}` })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const maxLineBytes = 67_108_864

const resume = (api: BatchApi, file: ResultFile, part: string, onSize: (size: number) => void) =>
  Effect.scoped(Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const had = (yield* fs.exists(part)) ? Number((yield* fs.stat(part)).size) : 0
    const { bytes, from } = yield* api.download(file, had)
    const open = yield* fs.open(part, { flag: "a", mode: 0o600 })
    if (from < had) yield* open.truncate(from)
    let size = from
    yield* Stream.runForEach(
      bytes,
      (chunk) =>
        Effect.tap(open.writeAll(chunk), () => {
          size += chunk.length
          return Effect.sync(() => onSize(size))
        })
    )
    yield* open.sync
  }))
