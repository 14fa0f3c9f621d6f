/**
 * What a run is started with, for its record: versions, and the commit that is checked out.
 *
 * The commit is read off the repository's files, so that no process is started for it; what is not as git writes it is
 * not there.
 */
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { version } from "../cli/Version.ts"
import type { Environment } from "../report/RunReport.ts"

/**
 * What a run in a directory is started with, looked at each time.
 * @category constructors
 * @since 0.1.0
 */
export const make = (cwd: string): Effect.Effect<{ readonly [Fact in keyof Environment]: Environment[Fact] }> =>
  Effect.sync(() => ({
    owfVersion: version,
    node: process.version,
    ...headOf(cwd)
  }))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Head = Pick<Environment, "gitCommit" | "gitBranch">

const none: Head = { gitCommit: null, gitBranch: null }

const headOf = (cwd: string): Head => {
  const directory = gitDirectory(cwd)
  const head = directory === undefined ? undefined : read(Path.join(directory, "HEAD"))
  if (directory === undefined || head === undefined) return none
  if (isCommit(head)) return { gitCommit: head, gitBranch: null }
  const ref = /^ref: (refs\/[^\0]+)$/.exec(head)?.[1]
  if (ref === undefined) return none
  return { gitCommit: commitOf(directory, ref) ?? null, gitBranch: ref.replace(/^refs\/heads\//, "") }
}

/** Where the repository that a directory is in keeps what is this worktree's own. */
const gitDirectory = (cwd: string): string | undefined => {
  for (let at = Path.resolve(cwd);; at = Path.dirname(at)) {
    const candidate = Path.join(at, ".git")
    const found = statOf(candidate)
    if (found?.isDirectory() === true) return candidate
    if (found?.isFile() === true) {
      const named = /^gitdir: (.+)$/.exec(read(candidate) ?? "")?.[1]
      return named === undefined ? undefined : Path.resolve(at, named)
    }
    if (at === Path.dirname(at)) return undefined
  }
}

/** What cannot be looked at, such as a link to itself, is not there. */
const statOf = (path: string): Fs.Stats | undefined => {
  try {
    return Fs.statSync(path)
  } catch {
    return undefined
  }
}

const commitOf = (directory: string, ref: string): string | undefined => {
  // worktrees share their references
  const common = Path.resolve(directory, read(Path.join(directory, "commondir")) ?? ".")
  const loose = read(Path.join(common, ref))
  if (loose !== undefined) return isCommit(loose) ? loose : undefined
  const packed = (read(Path.join(common, "packed-refs")) ?? "").split("\n").find((line) => line.endsWith(` ${ref}`))
  const commit = packed?.slice(0, packed.indexOf(" "))
  return commit !== undefined && isCommit(commit) ? commit : undefined
}

const isCommit = (text: string): boolean => /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/.test(text)

const read = (file: string): string | undefined => {
  try {
    return Fs.readFileSync(file, "utf8").trim()
  } catch {
    return undefined
  }
}
