import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Fs from "node:fs"
import * as Path from "node:path"
import type { CallId, RunId } from "../../src/domain/Ids.ts"
import * as Supervisor from "../../src/internal/subprocess/Supervisor.ts"
import * as GitWorktree from "../../src/worktree/GitWorktree.ts"
import type { Evidence, Wanted } from "../../src/worktree/Worktree.ts"
import { Worktree } from "../../src/worktree/Worktree.ts"
import { directoryWith } from "../lib/node.ts"
import * as Repository from "../lib/repository.ts"

const run = "20260528-143201-0sj04k7m2x9q" as RunId

const wanted = (index: number, more: Partial<Wanted> = {}): Wanted => ({
  run,
  call: `${run}_call_${String(index).padStart(4, "0")}` as CallId,
  attempt: 1,
  base: { _tag: "Head" },
  ...more
})

const layer = (cwd: string, home: string) =>
  GitWorktree.layer({ cwd, home, environment: { PATH: process.env["PATH"] ?? "", HOME: "/nonexistent" } }).pipe(
    Layer.provide(Supervisor.layer),
    Layer.provide(NodeContext.layer)
  )

/** What a call leaves when its agent does this in its worktree. */
const work = (agent: (path: string) => void, more: Partial<Wanted> = {}) =>
  Effect.scoped(Effect.gen(function*() {
    const worktree = yield* Worktree
    const tree = yield* worktree.acquire(wanted(1, more))
    agent(tree.path)
    return { tree, evidence: yield* worktree.collect(tree) }
  }))

const write = (path: string, text: string): void => {
  Fs.mkdirSync(Path.dirname(path), { recursive: true })
  Fs.writeFileSync(path, text)
}

const brief = ({ changes }: Evidence) =>
  changes.map(({ from, kind, path }) => from === null ? `${kind} ${path}` : `${kind} ${from} ${path}`).toSorted()

describe("an isolated call", () => {
  it.scopedLive("leaves nothing when its agent changed nothing", () =>
    Effect.gen(function*() {
      const repository = Repository.repositoryWith({ "a.txt": "a\n" })
      const home = directoryWith({})
      const before = Repository.contentOf(repository)
      const { evidence, tree } = yield* Effect.provide(work(() => {}), layer(repository, home))
      assert.deepStrictEqual(evidence.changes, [])
      assert.isFalse(Fs.existsSync(tree.root))
      assert.strictEqual(Repository.git(repository, "branch", "--list", "owf/*"), "")
      assert.deepStrictEqual(Repository.contentOf(repository, (path) => path === ".git/worktrees"), before)
    }))

  it.scopedLive("keeps what its agent committed and what it did not", () =>
    Effect.gen(function*() {
      const repository = Repository.repositoryWith({ "a.txt": "a\n", "b.txt": "b\n", ".gitignore": "*.log\n" })
      const home = directoryWith({})
      const { evidence, tree } = yield* Effect.provide(
        work((path) => {
          write(Path.join(path, "committed.txt"), "c\n")
          Repository.git(path, "add", "--all")
          Repository.git(path, "commit", "--quiet", "--message=agent")
          write(Path.join(path, "new/ü\n\"x.txt"), "n\n")
          write(Path.join(path, "run.log"), "log\n")
          Fs.renameSync(Path.join(path, "a.txt"), Path.join(path, "z.txt"))
          Fs.rmSync(Path.join(path, "b.txt"))
          Fs.mkdirSync(Path.join(path, "empty"))
        }),
        layer(repository, home)
      )
      assert.deepStrictEqual(brief(evidence), [
        "added committed.txt",
        "added empty/",
        "added new/ü\n\"x.txt",
        "deleted b.txt",
        "ignored run.log",
        "renamed a.txt z.txt"
      ])
      assert.isTrue(Fs.existsSync(Path.join(tree.root, "run.log")))
      assert.include(evidence.patch, "committed.txt")
      const kept = Repository.git(repository, "for-each-ref", "--format=%(objectname)", "refs/owf/**/head")
      assert.strictEqual(kept, evidence.headCommit)
      assert.isTrue(
        yield* Effect.provide(Effect.flatMap(Worktree, ({ holds }) => holds(evidence)), layer(repository, home))
      )
    }))
})

describe("a call in place", () => {
  it.scopedLive("is told what it changed, also in files that were changed before", () =>
    Effect.gen(function*() {
      const repository = Repository.repositoryWith({ "a.txt": "a\n", "b.txt": "b\n" })
      write(Path.join(repository, "a.txt"), "dirty\n")
      const index = Fs.readFileSync(Path.join(repository, ".git/index"), "latin1")
      const evidence = yield* Effect.provide(
        Effect.scoped(Effect.gen(function*() {
          const { snapshot } = yield* Worktree
          const before = yield* snapshot
          write(Path.join(repository, "a.txt"), "dirtier\n")
          write(Path.join(repository, "c.txt"), "c\n")
          return yield* before.changes
        })),
        layer(repository, directoryWith({}))
      )
      assert.deepStrictEqual(brief(evidence), ["added c.txt", "modified a.txt"])
      assert.strictEqual(Fs.readFileSync(Path.join(repository, ".git/index"), "latin1"), index)
      assert.strictEqual(Repository.git(repository, "fsck", "--unreachable", "--no-progress"), "")
    }))
})
