import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { Worktree } from "../../src/worktree/Worktree.ts"
import { directoryWith } from "../lib/node.ts"
import * as Repository from "../lib/repository.ts"
import * as Lab from "./lab.ts"

const { brief, commitAll, write } = Lab
const { git, repositoryWith } = Repository

/** What a call in place is told when its agent does this. */
const inPlace = (agent: () => void) =>
  Effect.scoped(Effect.gen(function*() {
    const { snapshot } = yield* Worktree
    const before = yield* snapshot
    yield* Effect.sync(agent)
    return yield* before.changes
  }))

describe.skipIf(!Lab.hasGit)("a call in place", () => {
  it.scopedLive("is told what it changed, also in files that were changed before", () =>
    Effect.gen(function*() {
      const repository = repositoryWith({ "a.txt": "a\n", "b.txt": "b\n", "r.txt": "r\n", ".gitignore": "*.log\n" })
      write(Path.join(repository, "a.txt"), "dirty\n")
      write(Path.join(repository, "old.txt"), "there before\n")
      git(repository, "add", "a.txt")
      const index = Fs.readFileSync(Path.join(repository, ".git/index"), "latin1")
      const evidence = yield* Effect.provide(
        inPlace(() => {
          write(Path.join(repository, "a.txt"), "dirtier\n")
          write(Path.join(repository, "c.txt"), "c\n")
          write(Path.join(repository, "x.log"), "x\n")
          Fs.rmSync(Path.join(repository, "b.txt"))
          Fs.renameSync(Path.join(repository, "r.txt"), Path.join(repository, "s.txt"))
        }),
        Lab.layer(repository, directoryWith({}))
      )
      assert.deepStrictEqual(brief(evidence), [
        "added c.txt",
        "deleted b.txt",
        "modified a.txt",
        "renamed r.txt s.txt"
      ])
      assert.include(evidence.patch, "+dirtier")
      assert.deepStrictEqual(evidence.warnings, [])
      assert.strictEqual(Fs.readFileSync(Path.join(repository, ".git/index"), "latin1"), index)
      assert.strictEqual(git(repository, "fsck", "--unreachable", "--no-progress"), "")
    }))

  it.scopedLive("is told of files it changed within the moment they were staged in, at the same size", () =>
    Effect.gen(function*() {
      const repository = repositoryWith({ "a.txt": "a\n" })
      const layer = Lab.layer(repository, directoryWith({}))
      for (let round = 0; round < 5; round++) {
        const evidence = yield* Effect.provide(
          inPlace(() => {
            write(Path.join(repository, "a.txt"), `${round}1\n`)
            git(repository, "add", "a.txt")
            write(Path.join(repository, "a.txt"), `${round}2\n`)
          }),
          layer
        )
        assert.include(evidence.patch, `+${round}2`)
      }
    }))

  it.scopedLive("is told when it commits, and that HEAD moved", () =>
    Effect.gen(function*() {
      const repository = repositoryWith({ "a.txt": "a\n" })
      const evidence = yield* Effect.provide(
        inPlace(() => {
          write(Path.join(repository, "a.txt"), "b\n")
          commitAll(repository)
        }),
        Lab.layer(repository, directoryWith({}))
      )
      assert.deepStrictEqual(brief(evidence), ["modified a.txt"])
      assert.include(evidence.warnings.join(), "HEAD moved from")
    }))

  it.scopedLive("is told of nothing that its home holds, in the repository or out of it", () =>
    Effect.gen(function*() {
      const repository = repositoryWith({ "a.txt": "a\n" })
      const home = Path.join(repository, ".owf")
      const evidence = yield* Effect.provide(
        inPlace(() => write(Path.join(home, "runs/x/output.txt"), "x\n")),
        Lab.layer(repository, home)
      )
      assert.deepStrictEqual(evidence.changes, [])
      assert.strictEqual(evidence.digest, null)
    }))

  it.scopedLive("is told that others were at work beside it", () =>
    Effect.gen(function*() {
      const repository = repositoryWith({ "a.txt": "a\n" })
      const layer = Lab.layer(repository, directoryWith({}))
      yield* Effect.provide(
        Effect.scoped(Effect.gen(function*() {
          const { snapshot } = yield* Worktree
          const first = yield* snapshot
          const second = yield* snapshot
          write(Path.join(repository, "a.txt"), "b\n")
          for (const { changes } of [first, second]) {
            const evidence = yield* changes
            assert.deepStrictEqual(brief(evidence), ["modified a.txt"])
            assert.include(evidence.warnings.join(), "other calls were at work")
          }
        })),
        layer
      )
    }))

  it.scopedLive("holds while the files are as it left them, and no longer", () =>
    Effect.gen(function*() {
      const repository = repositoryWith({ "a.txt": "a\n", "b.txt": "b\n", "r.txt": "one\ntwo\nthree\n" })
      const layer = Lab.layer(repository, directoryWith({}))
      const holds = (evidence: Effect.Effect.Success<ReturnType<typeof inPlace>>) =>
        Effect.provide(Effect.flatMap(Worktree, (worktree) => worktree.holds(evidence)), layer)
      const evidence = yield* Effect.provide(
        inPlace(() => {
          write(Path.join(repository, "a.txt"), "new\n")
          Fs.rmSync(Path.join(repository, "b.txt"))
          Fs.renameSync(Path.join(repository, "r.txt"), Path.join(repository, "s.txt"))
        }),
        layer
      )
      assert.isTrue(yield* holds(evidence))
      commitAll(repository)
      write(Path.join(repository, "other.txt"), "o\n")
      assert.isTrue(yield* holds(evidence))
      write(Path.join(repository, "b.txt"), "back\n")
      assert.isFalse(yield* holds(evidence))
      Fs.rmSync(Path.join(repository, "b.txt"))
      Fs.chmodSync(Path.join(repository, "a.txt"), 0o755)
      assert.isFalse(yield* holds(evidence))
      Fs.chmodSync(Path.join(repository, "a.txt"), 0o644)
      assert.isTrue(yield* holds(evidence))
      assert.isTrue(yield* holds({ ...evidence, changes: [], digest: null }))
    }))

  it.scopedLive("works in a repository without a commit", () =>
    Effect.gen(function*() {
      const repository = directoryWith({ "a.txt": "a\n" })
      git(repository, "init", "--quiet")
      const evidence = yield* Effect.provide(
        inPlace(() => write(Path.join(repository, "b.txt"), "b\n")),
        Lab.layer(repository, directoryWith({}))
      )
      assert.deepStrictEqual(brief(evidence), ["added b.txt"])
    }))
})
