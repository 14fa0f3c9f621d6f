/**
 * What a worktree of ours says of itself, in a file beside its index in the repository, so that it is known as ours when
 * the process that made it is gone. It is a note for listing and cleaning, and no proof of anything.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { CallId, RunId } from "../domain/Ids.ts"

/**
 * What a worktree of ours says of itself.
 * @category schemas
 * @since 0.1.0
 */
export const Record = Schema.Struct({
  run: RunId,
  call: CallId,
  branch: Schema.String,
  baseCommit: Schema.String
})

/**
 * What a worktree of ours says of itself.
 * @category models
 * @since 0.1.0
 */
export type Record = typeof Record.Type

/**
 * Writes the note.
 * @category running
 * @since 0.1.0
 */
export const write = Effect.fnUntraced(function*(gitDirectory: string, record: Record) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const text = yield* Effect.orDie(Schema.encode(Json)(record))
  yield* Effect.ignore(files.writeFileString(path.join(gitDirectory, name), `${text}\n`))
})

/**
 * What a repository has noted of its worktrees, by their paths.
 * @category queries
 * @since 0.1.0
 */
export const readAll = Effect.fnUntraced(function*(commonDirectory: string) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const folder = path.join(commonDirectory, "worktrees")
  const names = yield* Effect.orElseSucceed(files.readDirectory(folder), () => [])
  const found = new Map<string, Noted>()
  for (const entry of names) {
    const gitDirectory = path.join(folder, entry)
    const pointer = yield* readText(path.join(gitDirectory, "gitdir"))
    if (pointer === "") continue
    const text = yield* readText(path.join(gitDirectory, name))
    const record = yield* Effect.option(Schema.decodeUnknown(Json)(text))
    const root = path.dirname(path.resolve(gitDirectory, pointer.trim()))
    found.set(root, { gitDirectory, record: record._tag === "Some" ? record.value : null })
  }
  return found as ReadonlyMap<string, Noted>
})

/**
 * Where a repository keeps what it knows of a worktree, and what we noted there; null for a tree that is not ours.
 * @category models
 * @since 0.1.0
 */
export interface Noted {
  readonly gitDirectory: string
  readonly record: Record | null
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const name = "owf"

const Json = Schema.parseJson(Record)

const readText = Effect.fnUntraced(function*(file: string) {
  const files = yield* FileSystem.FileSystem
  const kind = yield* files.stat(file)
  return kind.type === "File" ? yield* files.readFileString(file) : ""
}, Effect.orElseSucceed(() => ""))
