/**
 * What a checkout holds at a moment, so that a call in place can be told what it changed.
 *
 * The repository is only read: objects made for the comparison are written to a directory that is removed with the
 * scope, and the index is a copy.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import type { Git } from "./Git.ts"
import * as GitOutput from "./GitOutput.ts"
import * as GitRepository from "./GitRepository.ts"
import type { Evidence, Snapshot } from "./Worktree.ts"
import { WorktreeError } from "./Worktree.ts"

/**
 * What the checkout around a directory holds now.
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fn("GitSnapshot.make")(function*(git: Git, options: { readonly cwd: string }) {
  const path = yield* Path.Path
  const repository = yield* GitRepository.find(git, options.cwd)
  const { gitDirectory, root } = repository
  const variables = yield* ownObjects(repository)
  const index = path.join(gitDirectory, "index")
  const read = yield* GitRepository.makeReader(git, { root, variables, index, withoutFilters: [] })
  const before = yield* read
  const headBefore = yield* headOf(git, root)
  const compare = Effect.gen(function*() {
    const after = yield* read
    const asked = { cwd: root, variables }
    const named = yield* git.run({ ...asked, args: [...diff, "--name-status", "-z", before, after] })
    const changes = GitOutput.changes(named)
    const patch = changes.length === 0
      ? { text: "", isCut: false }
      : yield* git.ask({
        ...asked,
        args: [...diff, "--binary", "--full-index", "-p", before, after],
        maxOutputBytes: maxPatchBytes
      })
    const headAfter = yield* headOf(git, root)
    const evidence: Evidence = {
      path: null,
      branch: null,
      baseCommit: headBefore,
      headCommit: null,
      changes,
      patch: patch.text,
      isPatchCut: patch.isCut,
      digest: null,
      warnings: headBefore === headAfter ? [] : [`HEAD moved from ${headBefore} to ${headAfter}`]
    }
    return evidence
  })
  const snapshot: Snapshot = { changes: compare }
  return snapshot
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const maxPatchBytes = 16_777_216

const diff = ["diff-tree", "-r", "--no-ext-diff", "--no-textconv", "--no-color", "--find-renames"]

const ownObjects = Effect.fnUntraced(function*({ commonDirectory }: GitRepository.Repository) {
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const directory = yield* files.makeTempDirectoryScoped({ prefix: "owf-objects-" }).pipe(
    Effect.mapError(({ message }) => new WorktreeError({ reason: "Unavailable", detail: message }))
  )
  return {
    GIT_OBJECT_DIRECTORY: directory,
    GIT_ALTERNATE_OBJECT_DIRECTORIES: path.join(commonDirectory, "objects")
  }
})

const headOf = (git: Git, cwd: string) =>
  Effect.map(
    git.ask({ cwd, args: ["rev-parse", "--verify", "--quiet", "HEAD"] }),
    ({ code, text }) => code === 0 ? text.trim() : null
  )
