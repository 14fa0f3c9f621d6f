/**
 * Room for a worktree: what a commit takes on disk, and what is free.
 */
import * as Effect from "effect/Effect"
import { Subprocess } from "../internal/subprocess/Subprocess.ts"
import type { Git } from "./Git.ts"
import * as GitOutput from "./GitOutput.ts"
import * as GitRepository from "./GitRepository.ts"
import { WorktreeError } from "./Worktree.ts"

/**
 * Bytes the files of a commit take; undefined where that cannot be said, as in a partial clone.
 * @category queries
 * @since 0.1.0
 */
export const sizeOf = Effect.fn("GitSpace.sizeOf")(
  function*(git: Git, repository: GitRepository.Repository, commit: string) {
    const variables = GitRepository.variablesOf(repository)
    const args = ["ls-tree", "-r", "-l", "-z", commit]
    const { bytes, code } = yield* git.ask({ cwd: repository.root, variables, args })
    if (code !== 0) return undefined
    return GitOutput.texts(bytes).reduce((sum, field) => {
      const size = Number(field.slice(0, field.indexOf("\t")).split(/ +/).at(3))
      return sum + (Number.isFinite(size) ? Math.ceil(size / block) * block : 0)
    }, 0)
  }
)

/**
 * Fails when a directory has no room for so many bytes; what cannot be found out is let pass.
 * @category running
 * @since 0.1.0
 */
export const check = Effect.fn("GitSpace.check")(
  function*(directory: string, bytes: number, environment: Readonly<Record<string, string>>) {
    if (bytes < worthAsking) return
    const free = yield* freeOf(directory, environment)
    if (free === undefined || free >= bytes + margin) return
    return yield* new WorktreeError({
      reason: "Refused",
      detail: `${directory} has ${mebibytes(free)} MiB free, and a worktree takes ${mebibytes(bytes)} MiB; ` +
        "free some with 'owf gc', or choose a home on another disk"
    })
  }
)

/**
 * Bytes a directory takes; undefined where that cannot be said.
 * @category queries
 * @since 0.1.0
 */
export const takenBy = (directory: string, environment: Readonly<Record<string, string>>) =>
  Effect.map(ask("du", ["-skx", "--", directory], environment), (text) => {
    const count = Number(/^\d+/.exec(text)?.[0])
    return Number.isFinite(count) ? count * kibibyte : undefined
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const kibibyte = 1_024
const block = 4_096
const worthAsking = 33_554_432
const margin = 67_108_864

const mebibytes = (bytes: number): number => Math.ceil(bytes / 1_048_576)

const freeOf = (directory: string, environment: Readonly<Record<string, string>>) =>
  Effect.map(ask("df", ["-Pk", "--", directory], environment), (text) => {
    // the first line is a heading; a device's name may hold spaces, what follows it does not
    const [, free] = /\s\d+\s+\d+\s+(\d+)\s+\d+%/.exec(text) ?? []
    return free === undefined ? undefined : Number(free) * kibibyte
  })

/** What a program printed; nothing where it is not there or fails. */
const ask = Effect.fnUntraced(
  function*(program: string, args: ReadonlyArray<string>, environment: Readonly<Record<string, string>>) {
    const subprocess = yield* Subprocess
    const decoder = new TextDecoder()
    const parts: Array<string> = []
    yield* subprocess.run({
      program,
      args,
      cwd: undefined,
      environment: { PATH: environment["PATH"] ?? "", LC_ALL: "C" },
      input: "",
      maxOutputBytes: 65_536
    }, (chunk) => Effect.sync(() => (parts.push(decoder.decode(chunk, { stream: true })), "more")))
    return parts.join("")
  },
  Effect.orElseSucceed(() => "")
)
