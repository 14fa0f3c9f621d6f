import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { Worktree } from "../../src/worktree/Worktree.ts"
import { directoryWith } from "../lib/node.ts"
import * as Repository from "../lib/repository.ts"
import * as Lab from "./lab.ts"

const { brief, commitAll, wanted, work, write } = Lab

const holds = (evidence: Lab.Done["evidence"]) => Effect.flatMap(Worktree, (worktree) => worktree.holds(evidence))

describe.skipIf(!Lab.hasGit)("an isolated call", () => {
  it.scopedLive("leaves nothing when its agent changed nothing (WT-4)", () =>
    Effect.gen(function*() {
      const repository = Repository.repositoryWith({ "a.txt": "a\n" })
      const home = directoryWith({})
      const before = Repository.contentOf(repository)
      const { evidence, tree } = yield* Effect.provide(work(() => {}), Lab.layer(repository, home))
      assert.deepStrictEqual(evidence.changes, [])
      assert.strictEqual(evidence.path, null)
      assert.strictEqual(evidence.headCommit, evidence.baseCommit)
      assert.isFalse(Fs.existsSync(tree.root))
      assert.deepStrictEqual(Repository.contentOf(repository, (path) => path === ".git/worktrees"), before)
      assert.isTrue(yield* Effect.provide(holds(evidence), Lab.layer(repository, home)))
    }))

  it.scopedLive("keeps what its agent committed (WT-1)", () =>
    Effect.gen(function*() {
      const repository = Repository.repositoryWith({ "a.txt": "a\n" })
      const { evidence, tree } = yield* Effect.provide(
        work((path) => {
          write(Path.join(path, "a.txt"), "b\n")
          commitAll(path)
        }),
        Lab.layer(repository, directoryWith({}))
      )
      assert.deepStrictEqual(brief(evidence), ["modified a.txt"])
      assert.strictEqual(Repository.git(tree.root, "status", "--porcelain"), "")
      assert.strictEqual(Repository.git(repository, "rev-parse", tree.branch), evidence.headCommit)
      assert.strictEqual(evidence.path, tree.root)
    }))

  it.scopedLive("keeps what its agent committed and what it did not (WT-2)", () =>
    Effect.gen(function*() {
      const repository = Repository.repositoryWith({
        "a.txt": "a\n",
        "b.txt": "b\n",
        "mode.sh": "echo\n",
        ".gitignore": "*.log\nbuild/\n"
      })
      const home = directoryWith({})
      const { evidence, tree } = yield* Effect.provide(
        work((path) => {
          write(Path.join(path, "committed.txt"), "c\n")
          commitAll(path)
          write(Path.join(path, "new/ü\n\t\"x.txt"), "n\n")
          write(Path.join(path, "run.log"), "log\n")
          write(Path.join(path, "build/out"), "built\n")
          Fs.writeFileSync(Path.join(path, "binary"), Uint8Array.of(0, 1, 2, 255))
          Fs.chmodSync(Path.join(path, "mode.sh"), 0o755)
          Fs.renameSync(Path.join(path, "a.txt"), Path.join(path, "z.txt"))
          Fs.rmSync(Path.join(path, "b.txt"))
          Fs.mkdirSync(Path.join(path, "empty/inner"), { recursive: true })
          Fs.writeFileSync(Buffer.from(`${path}/latin-\xe9`, "latin1"), "é\n")
        }),
        Lab.layer(repository, home)
      )
      assert.deepStrictEqual(brief(evidence), [
        "added binary",
        "added committed.txt",
        "added empty/",
        "added latin-\uFFFD",
        "added new/ü\n\t\"x.txt",
        "deleted b.txt",
        "ignored build/",
        "ignored run.log",
        "modified mode.sh",
        "renamed a.txt z.txt"
      ])
      assert.isTrue(Fs.existsSync(Path.join(tree.root, "run.log")))
      for (const part of ["committed.txt", "GIT binary patch", "old mode 100644", "rename from a.txt"]) {
        assert.include(evidence.patch, part)
      }
      const kept = Repository.git(repository, "rev-parse", `refs/owf/${tree.branch.slice(4)}/head`)
      assert.strictEqual(kept, evidence.headCommit)
      assert.isTrue(yield* Effect.provide(holds(evidence), Lab.layer(repository, home)))
      const copy = Repository.cloneOf(repository, evidence.baseCommit ?? "")
      Repository.gitWith(copy, evidence.patch, "apply", "--index", "-")
      assert.strictEqual(
        Repository.git(copy, "write-tree"),
        Repository.git(repository, "rev-parse", `${evidence.headCommit}^{tree}`)
      )
    }))

  it.scopedLive("is kept when its agent left only ignored files, or only a directory (WT-2)", () =>
    Effect.gen(function*() {
      const repository = Repository.repositoryWith({ ".gitignore": "*.log\n" })
      const layer = Lab.layer(repository, directoryWith({}))
      const ignored = yield* Effect.provide(work((path) => write(Path.join(path, "run.log"), "log\n")), layer)
      assert.deepStrictEqual(brief(ignored.evidence), ["ignored run.log"])
      assert.isTrue(Fs.existsSync(Path.join(ignored.tree.root, "run.log")))
      const empty = yield* Effect.provide(work((path) => Fs.mkdirSync(Path.join(path, "d")), {}, 2), layer)
      assert.deepStrictEqual(brief(empty.evidence), ["added d/"])
      assert.isTrue(Fs.existsSync(Path.join(empty.tree.root, "d")))
    }))

  it.scopedLive("is not made in the place that the directory of its run links to", () =>
    Effect.gen(function*() {
      const repository = Repository.repositoryWith({ "a.txt": "a\n" })
      const outside = directoryWith({})
      for (const name of [Lab.run, `${Lab.run}/worktrees`]) {
        const home = directoryWith({})
        Fs.mkdirSync(Path.dirname(Path.join(home, "runs", name)), { recursive: true })
        Fs.symlinkSync(outside, Path.join(home, "runs", name))
        const error = yield* Effect.flip(Effect.provide(work(() => {}), Lab.layer(repository, home)))
        assert.deepInclude(error, { _tag: "WorktreeError", reason: "Refused" })
        assert.include(error.message, "is a link")
      }
      assert.deepStrictEqual(Fs.readdirSync(outside), [])
    }))

  it.scopedLive("is kept when its agent told git not to look at what it changed", () =>
    Effect.gen(function*() {
      const repository = Repository.repositoryWith({ "a.txt": "a\n", "b.txt": "b\n" })
      const { evidence, tree } = yield* Effect.provide(
        work((path) => {
          Repository.git(path, "update-index", "--assume-unchanged", "a.txt")
          Repository.git(path, "update-index", "--skip-worktree", "b.txt")
          write(Path.join(path, "a.txt"), "changed\n")
        }),
        Lab.layer(repository, directoryWith({}))
      )
      assert.include(evidence.warnings, "git was told not to look at 2 files")
      assert.strictEqual(Fs.readFileSync(Path.join(tree.root, "a.txt"), "utf8"), "changed\n")

      const one = yield* Effect.provide(
        work((path) => Repository.git(path, "update-index", "--assume-unchanged", "a.txt"), {}, 2),
        Lab.layer(repository, directoryWith({}))
      )
      assert.include(one.evidence.warnings, "git was told not to look at 1 file")
    }))

  it.scopedLive("is kept when its agent made a repository in it, whose commits are nowhere else", () =>
    Effect.gen(function*() {
      const repository = Repository.repositoryWith({ "a.txt": "a\n" })
      const { evidence, tree } = yield* Effect.provide(
        work((path) => {
          for (const name of ["full", "bare"]) {
            Fs.mkdirSync(Path.join(path, name))
            Repository.git(Path.join(path, name), "init", "--quiet")
          }
          write(Path.join(path, "full/x.txt"), "x\n")
          commitAll(Path.join(path, "full"))
        }),
        Lab.layer(repository, directoryWith({}))
      )
      assert.include(evidence.warnings.join("\n"), "repositories inside")
      assert.include(brief(evidence), "added full")
      assert.isTrue(Fs.existsSync(Path.join(tree.root, "bare/.git")))
    }))

  it.scopedLive("runs its agent in the directory that corresponds to the user's, or at the top", () =>
    Effect.gen(function*() {
      const repository = Repository.repositoryWith({ "a.txt": "a\n", "in/side.txt": "s\n" })
      Fs.mkdirSync(Path.join(repository, "new"))
      const home = directoryWith({})
      const inside = yield* Effect.provide(work(() => {}), Lab.layer(Path.join(repository, "in"), home))
      assert.strictEqual(inside.tree.path, Path.join(inside.tree.root, "in"))
      const top = yield* Effect.provide(work(() => {}, {}, 2), Lab.layer(Path.join(repository, "new"), home))
      assert.strictEqual(top.tree.path, top.tree.root)
    }))
})

/** What agents do to branches, and what is to be read in the warnings. */
const moves: ReadonlyArray<readonly [string, (path: string, first: string) => void, string]> = [
  [
    "changes to a branch of its own",
    (path) => Repository.git(path, "checkout", "--quiet", "-b", "mine"),
    "at the branch mine"
  ],
  ["detaches HEAD", (path) => Repository.git(path, "checkout", "--quiet", "--detach"), "at no branch"],
  ["amends", (path) => Repository.git(path, "commit", "--quiet", "--amend", "--message=other"), "left behind"],
  ["goes back to the base", (path) => Repository.git(path, "reset", "--quiet", "--hard", "HEAD~1"), "left behind"],
  [
    "deletes its branch",
    (path) => {
      const branch = Repository.git(path, "branch", "--show-current")
      Repository.git(path, "checkout", "--quiet", "--detach", "HEAD~1")
      Repository.git(path, "branch", "--quiet", "-D", branch)
    },
    "is gone"
  ],
  ["renames its branch", (path) => Repository.git(path, "branch", "-m", "renamed"), "is gone"],
  [
    "has everything collected",
    (path) => {
      Repository.git(path, "reset", "--quiet", "--hard", "HEAD~1")
      Repository.git(path, "gc", "--quiet", "--prune=now")
    },
    "left behind"
  ]
]

describe.skipIf(!Lab.hasGit)("the commits of an agent", () => {
  for (const [title, move, said] of moves) {
    it.scopedLive(`are kept when it ${title} (WT-3)`, () =>
      Effect.gen(function*() {
        const repository = Repository.repositoryWith({ "a.txt": "a\n" })
        let made = ""
        const { evidence, tree } = yield* Effect.provide(
          work((path) => {
            write(Path.join(path, "a.txt"), "work\n")
            made = commitAll(path)
            move(path, made)
          }),
          Lab.layer(repository, directoryWith({}))
        )
        assert.include(evidence.warnings.join("\n"), said)
        assert.isTrue(Lab.isReachable(repository, made))
        Repository.git(repository, "worktree", "remove", "--force", tree.root)
        Repository.git(repository, "reflog", "expire", "--expire=now", "--all")
        assert.isTrue(Lab.isReachable(repository, made))
      }))
  }

  it.scopedLive("are kept when it deletes a branch of the user's, or stashes what it did", () =>
    Effect.gen(function*() {
      const repository = Repository.repositoryWith({ "a.txt": "a\n" })
      Repository.git(repository, "checkout", "--quiet", "-b", "users")
      const made = commitAll(repository)
      Repository.git(repository, "checkout", "--quiet", "main")
      const { evidence } = yield* Effect.provide(
        work((path) => {
          Repository.git(path, "branch", "--quiet", "-D", "users")
          write(Path.join(path, "a.txt"), "stashed\n")
          Repository.git(path, "stash", "--quiet")
        }),
        Lab.layer(repository, directoryWith({}))
      )
      assert.include(evidence.warnings.join("\n"), "the branch users is gone; its commits are kept")
      assert.include(evidence.warnings.join("\n"), "repository's stash")
      assert.isTrue(Lab.isReachable(repository, made))
    }))

  it.scopedLive("are kept when it removes its own worktree, and the call is lost (WT-3, WT-16)", () =>
    Effect.gen(function*() {
      const repository = Repository.repositoryWith({ "a.txt": "a\n" })
      const made: Array<string> = []
      const remove = (path: string) => {
        write(Path.join(path, "a.txt"), "work\n")
        made.push(commitAll(path))
        Repository.git(path, "checkout", "--quiet", "--detach")
        write(Path.join(path, "a.txt"), "more\n")
        made.push(commitAll(path))
        Repository.git(repository, "worktree", "remove", "--force", "--force", path)
      }
      const failed = yield* Effect.flip(Effect.provide(work(remove), Lab.layer(repository, directoryWith({}))))
      assert.strictEqual(failed.reason, "Lost")
      assert.include(failed.detail, "are kept under refs/owf/")
      for (const commit of made) assert.isTrue(Lab.isReachable(repository, commit))
    }))

  it.scopedLive("are kept when somebody removes the directory, and the call is lost (WT-16)", () =>
    Effect.gen(function*() {
      const repository = Repository.repositoryWith({ "a.txt": "a\n" })
      let made = ""
      const remove = (path: string) => {
        Repository.git(path, "checkout", "--quiet", "--detach")
        write(Path.join(path, "a.txt"), "work\n")
        made = commitAll(path)
        Fs.rmSync(path, { recursive: true })
      }
      const failed = yield* Effect.flip(Effect.provide(work(remove), Lab.layer(repository, directoryWith({}))))
      assert.strictEqual(failed.reason, "Lost")
      Repository.git(repository, "worktree", "prune")
      assert.isTrue(Lab.isReachable(repository, made))
    }))

  it.scopedLive("are kept when the call is interrupted before anybody asked what it did", () =>
    Effect.gen(function*() {
      const repository = Repository.repositoryWith({ "a.txt": "a\n" })
      const layer = Lab.layer(repository, directoryWith({}))
      const interrupted = Effect.scoped(Effect.gen(function*() {
        const tree = yield* Effect.flatMap(Worktree, ({ acquire }) => acquire(wanted(1)))
        write(Path.join(tree.root, "a.txt"), "half\n")
        return yield* Effect.interrupt
      }))
      yield* Effect.exit(Effect.provide(interrupted, layer))
      const kept = Repository.git(repository, "for-each-ref", "--format=%(refname)", "refs/owf")
      assert.match(kept, /\/head$/m)
      const head = kept.split("\n").find((name) => name.endsWith("/head")) ?? ""
      assert.strictEqual(Repository.git(repository, "show", `${head}:a.txt`), "half")
    }))
})

describe.skipIf(!Lab.hasGit)("what was recorded", () => {
  const agent = (path: string) => {
    write(Path.join(path, "b.txt"), "b\n")
    commitAll(path)
    write(Path.join(path, "c.txt"), "c\n")
  }

  it.scopedLive("no longer holds when the branch was moved, forward, back or away", () =>
    Effect.gen(function*() {
      const repository = Repository.repositoryWith({ "a.txt": "a\n" })
      const home = directoryWith({})
      const layer = Lab.layer(repository, home)
      const { evidence, tree } = yield* Effect.provide(work(agent), layer)
      const { git } = Repository
      assert.isTrue(yield* Effect.provide(holds(evidence), layer))
      git(tree.root, "reset", "--quiet", "--soft", "HEAD~1")
      assert.isFalse(yield* Effect.provide(holds(evidence), layer))
      git(tree.root, "reset", "--quiet", "--soft", "HEAD@{1}")
      assert.isTrue(yield* Effect.provide(holds(evidence), layer))
      commitAll(tree.root, "by hand")
      assert.isFalse(yield* Effect.provide(holds(evidence), layer))
      git(tree.root, "checkout", "--quiet", "--detach")
      git(repository, "branch", "--quiet", "-D", tree.branch)
      assert.isFalse(yield* Effect.provide(holds(evidence), layer))
    }))

  it.scopedLive("stays reachable, and is the same, however often and however late it is asked again", () =>
    Effect.gen(function*() {
      const repository = Repository.repositoryWith({ "a.txt": "a\n" })
      const commits = yield* Effect.provide(
        Effect.scoped(Effect.gen(function*() {
          const worktree = yield* Worktree
          const tree = yield* worktree.acquire(wanted(1))
          const collect = Effect.map(worktree.collect(tree), ({ headCommit }) => headCommit ?? "")
          agent(tree.root)
          const first = yield* collect
          const later = Object.assign(Clock.make(), { currentTimeMillis: Effect.succeed(4_102_444_800_000) })
          assert.strictEqual(yield* Effect.withClock(collect, later), first)
          write(Path.join(tree.root, "c.txt"), "other\n")
          const second = yield* collect
          assert.notStrictEqual(second, first)
          commitAll(tree.root)
          return [first, second, yield* collect]
        })),
        Lab.layer(repository, directoryWith({}))
      )
      for (const commit of commits) assert.isTrue(Lab.isReachable(repository, commit))
    }))

  it.scopedLive("is compared with the commit the call began with, when the branch it came from moves (WT-18)", () =>
    Effect.gen(function*() {
      const repository = Repository.repositoryWith({ "a.txt": "a\n" })
      const base = Repository.git(repository, "rev-parse", "HEAD")
      const { evidence } = yield* Effect.provide(
        work((path) => {
          write(Path.join(repository, "users.txt"), "u\n")
          commitAll(repository, "user")
          write(Path.join(path, "agents.txt"), "a\n")
        }),
        Lab.layer(repository, directoryWith({}))
      )
      assert.strictEqual(evidence.baseCommit, base)
      assert.deepStrictEqual(brief(evidence), ["added agents.txt"])
    }))
})
