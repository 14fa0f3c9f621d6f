/**
 * Calls in worktrees of real repositories, with an agent that is a function.
 */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import type { CallId, RunId } from "../../src/domain/Ids.ts"
import * as Supervisor from "../../src/internal/subprocess/Supervisor.ts"
import * as GitWorktree from "../../src/worktree/GitWorktree.ts"
import type { Evidence, Tree, Wanted } from "../../src/worktree/Worktree.ts"
import { Worktree } from "../../src/worktree/Worktree.ts"
import * as Repository from "../lib/repository.ts"

/** Whether these tests can be made here at all. */
export const hasGit: boolean = (() => {
  try {
    execFileSync("git", ["version"], { stdio: "ignore" })
    return true
  } catch {
    return false
  }
})()

export const run = "20260528-143201-0sj04k7m2x9q" as RunId

export const call = (index: number, of: RunId = run): CallId => `${of}_call_${String(index).padStart(4, "0")}` as CallId

export const wanted = (index: number, more: Partial<Wanted> = {}): Wanted => ({
  run,
  call: call(index),
  attempt: 1,
  base: { _tag: "Head" },
  ...more
})

export const environment = { PATH: process.env["PATH"] ?? "", HOME: "/nonexistent" }

/** What the modules that are no services need. */
export const platform = Layer.merge(Supervisor.layer, NodeContext.layer)

export const layer = (cwd: string, home: string, more: Partial<GitWorktree.Options> = {}) =>
  GitWorktree.layer({ cwd, home, environment, ...more }).pipe(Layer.provide(platform))

export interface Done {
  readonly tree: Tree
  readonly evidence: Evidence
}

/** What a call leaves when its agent does this in its worktree. */
export const work = (agent: (path: string) => void, more: Partial<Wanted> = {}, index = 1) =>
  Effect.scoped(Effect.gen(function*() {
    const worktree = yield* Worktree
    const tree = yield* worktree.acquire(wanted(index, more))
    yield* Effect.sync(() => agent(tree.path))
    const done: Done = { tree, evidence: yield* worktree.collect(tree) }
    return done
  }))

export const write = (path: string, text: string): void => {
  Fs.mkdirSync(Path.dirname(path), { recursive: true })
  Fs.writeFileSync(path, text)
}

/** Commits everything there is, as an agent would. */
export const commitAll = (path: string, message = "agent"): string => {
  Repository.git(path, "add", "--all")
  Repository.git(path, "commit", "--quiet", "--allow-empty", `--message=${message}`)
  return Repository.git(path, "rev-parse", "HEAD")
}

export const brief = ({ changes }: Pick<Evidence, "changes">): ReadonlyArray<string> =>
  changes.map(({ from, kind, path }) => from === null ? `${kind} ${path}` : `${kind} ${from} ${path}`).toSorted()

/** Everything of a user's checkout that is the user's: files, index, HEAD, configuration, hooks, branches. */
export const usersOwn = (repository: string): Record<string, string> =>
  Repository.contentOf(repository, (path) => notTheirs.test(path))

const notTheirs = /^(?:\.git\/(?:worktrees|objects|packed-refs|(?:logs\/)?refs\/(?:owf|heads\/owf))|\.owf)(?:\/|$)/

/** Commits of a repository that no ref and no HEAD leads to. */
export const unreachable = (repository: string): ReadonlyArray<string> =>
  Repository.git(repository, "fsck", "--unreachable", "--no-reflogs", "--no-progress").split("\n").flatMap((line) =>
    line.startsWith("unreachable commit ") ? [line.slice("unreachable commit ".length)] : []
  )

/** Fails unless a commit can be reached from a ref or the HEAD of a worktree. */
export const isReachable = (repository: string, commit: string): boolean =>
  Repository.git(repository, "cat-file", "-t", commit) === "commit" && !unreachable(repository).includes(commit)
