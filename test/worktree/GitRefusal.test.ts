import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { execFile, spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { promisify } from "node:util"
import { Worktree } from "../../src/worktree/Worktree.ts"
import { directoryWith, root } from "../lib/node.ts"
import * as Repository from "../lib/repository.ts"
import * as Lab from "./lab.ts"

const { brief, commitAll, wanted, work, write } = Lab
const { git, repositoryWith } = Repository

/** A program in place of one in the PATH. */
const pathWith = (name: string, script: string): string => {
  const directory = directoryWith({})
  Fs.writeFileSync(Path.join(directory, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  return `${directory}:${Lab.environment.PATH}`
}

interface Case {
  readonly title: string
  readonly cwd: () => string
  readonly reason: string
  readonly said: string
  readonly path?: () => string
}

const cases: ReadonlyArray<Case> = [
  {
    title: "outside of a repository",
    cwd: () => directoryWith({}),
    reason: "NoRepository",
    said: "is in no git repository"
  },
  {
    title: "in a bare repository",
    cwd: () => {
      const directory = directoryWith({})
      git(directory, "init", "--quiet", "--bare")
      return directory
    },
    reason: "NoRepository",
    said: "is a bare repository"
  },
  {
    title: "inside of .git",
    cwd: () => Path.join(repositoryWith({}), ".git"),
    reason: "NoRepository",
    said: "inside the repository's own directory"
  },
  {
    title: "in a repository without a commit",
    cwd: () => {
      const directory = directoryWith({})
      git(directory, "init", "--quiet")
      return directory
    },
    reason: "NoCommit",
    said: "has no commit yet"
  },
  {
    title: "in a directory that is not there",
    cwd: () => Path.join(directoryWith({}), "none"),
    reason: "Unavailable",
    said: "working directory"
  },
  {
    title: "without git",
    cwd: () => repositoryWith({}),
    reason: "Unavailable",
    said: "git is not installed",
    path: () => directoryWith({})
  },
  {
    title: "with a git that is too old",
    cwd: () => repositoryWith({}),
    reason: "Unsupported",
    said: "needs git 2.36 or newer, and this is 'git version 2.20.1'",
    path: () => pathWith("git", "echo git version 2.20.1")
  },
  {
    title: "where the branch owf is in the way (WT-8)",
    cwd: () => {
      const repository = repositoryWith({})
      git(repository, "branch", "owf")
      return repository
    },
    reason: "Refused",
    said: "git branch -m owf another-name"
  },
  {
    title: "where there is no room for it (WT-17)",
    cwd: () => {
      const repository = repositoryWith({})
      Fs.writeFileSync(Path.join(repository, "big"), "")
      Fs.truncateSync(Path.join(repository, "big"), 40_000_000)
      commitAll(repository)
      return repository
    },
    reason: "Refused",
    said: "has 49 MiB free, and a worktree takes 39 MiB",
    path: () =>
      pathWith(
        "df",
        "echo Filesystem 1024-blocks Used Available Capacity Mounted on\necho /dev/x y 100000 50000 50000 50% /"
      )
  }
]

describe.skipIf(!Lab.hasGit)("an isolated call is refused, and its agent never asked,", () => {
  for (const { cwd, path, reason, said, title } of cases) {
    it.scopedLive(`${title} (WT-5)`, () =>
      Effect.gen(function*() {
        const environment = { ...Lab.environment, PATH: path?.() ?? Lab.environment.PATH }
        let wasAsked = false
        const failed = yield* Effect.flip(Effect.provide(
          work(() => {
            wasAsked = true
          }),
          Lab.layer(cwd(), directoryWith({}), { environment })
        ))
        assert.strictEqual(failed.reason, reason)
        assert.include(failed.detail, said)
        assert.isFalse(wasAsked)
      }))
  }

  it.scopedLive.skipIf(process.getuid?.() !== 0)(
    "in a repository of somebody else (WT-5)",
    () =>
      Effect.gen(function*() {
        const repository = repositoryWith({ "a.txt": "a\n" })
        Fs.chownSync(repository, 12_345, 12_345)
        Fs.chownSync(Path.join(repository, ".git"), 12_345, 12_345)
        const failed = yield* Effect.flip(Effect.provide(work(() => {}), Lab.layer(repository, directoryWith({}))))
        assert.include(failed.detail, "safe.directory")
      })
  )

  it.scopedLive("for a base that is no commit", () =>
    Effect.gen(function*() {
      const layer = Lab.layer(repositoryWith({}), directoryWith({}))
      for (const name of ["none", "--upload-pack=x", ""]) {
        const failed = yield* Effect.flip(Effect.provide(work(() => {}, { base: { _tag: "Revision", name } }), layer))
        assert.strictEqual(failed.reason, "NoCommit")
      }
    }))

  it.scopedLive("when what is checked out cannot be, and leaves neither directory nor branch", () =>
    Effect.gen(function*() {
      const repository = repositoryWith({ ".gitattributes": "*.txt filter=lost\n", "a.txt": "a\n" })
      git(repository, "config", "filter.lost.smudge", "false")
      git(repository, "config", "filter.lost.required", "true")
      const home = directoryWith({})
      const failed = yield* Effect.flip(Effect.provide(work(() => {}), Lab.layer(repository, home)))
      assert.include(failed.detail, "smudge filter lost failed")
      assert.strictEqual(git(repository, "branch", "--list", "owf/*"), "")
      assert.deepStrictEqual(Fs.readdirSync(Path.join(home, "runs", Lab.run, "worktrees")), [])
      assert.lengthOf(git(repository, "worktree", "list").split("\n"), 1)
    }))
})

describe.skipIf(!Lab.hasGit)("an isolated call works", () => {
  const kinds: ReadonlyArray<readonly [string, (origin: string) => string]> = [
    ["from a shallow clone", (origin) => {
      const clone = directoryWith({})
      git(clone, "clone", "--quiet", "--depth=1", `file://${origin}`, ".")
      return clone
    }],
    ["from a partial clone, which fetches what it lacks", (origin) => {
      git(origin, "config", "uploadpack.allowFilter", "true")
      const clone = directoryWith({})
      git(clone, "clone", "--quiet", "--no-checkout", "--filter=blob:none", `file://${origin}`, ".")
      return clone
    }],
    ["from a sparse checkout", (origin) => {
      git(origin, "sparse-checkout", "set", "in")
      return origin
    }],
    ["from a linked worktree (WT-5)", (origin) => {
      const linked = Path.join(directoryWith({}), "linked")
      git(origin, "worktree", "add", "--quiet", "-b", "linked", linked)
      return linked
    }],
    ["from a submodule (WT-5)", (origin) => {
      const outer = repositoryWith({})
      git(outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", origin, "sub")
      return Path.join(outer, "sub")
    }],
    ["from a detached HEAD (WT-7)", (origin) => {
      git(origin, "checkout", "--quiet", "--detach")
      return origin
    }]
  ]
  for (const [title, make] of kinds) {
    it.scopedLive(title, () =>
      Effect.gen(function*() {
        const origin = repositoryWith({ "a.txt": "a\n", "in/b.txt": "b\n" })
        const checkout = make(origin)
        const home = directoryWith({})
        const changed = yield* Effect.provide(
          work((path) => write(Path.join(path, "in/b.txt"), "changed\n")),
          Lab.layer(checkout, home)
        )
        assert.deepStrictEqual(brief(changed.evidence), ["modified in/b.txt"])
        const clean = yield* Effect.provide(work(() => {}, {}, 2), Lab.layer(checkout, home))
        assert.deepStrictEqual(clean.evidence.changes, [])
        assert.isFalse(Fs.existsSync(clean.tree.root))
      }))
  }

  it.scopedLive("with a submodule, whose commits keep the tree when its agent has it checked out", () =>
    Effect.gen(function*() {
      const inner = repositoryWith({ "x.txt": "x\n" })
      const outer = repositoryWith({ "a.txt": "a\n" })
      const allow = ["-c", "protocol.file.allow=always"]
      git(outer, ...allow, "submodule", "--quiet", "add", inner, "sub")
      commitAll(outer)
      const layer = Lab.layer(outer, directoryWith({}))
      const clean = yield* Effect.provide(work(() => {}), layer)
      assert.deepStrictEqual(clean.evidence.changes, [])
      assert.isFalse(Fs.existsSync(clean.tree.root))
      const { evidence, tree } = yield* Effect.provide(
        work(
          (path) => {
            git(path, ...allow, "submodule", "--quiet", "update", "--init")
            write(Path.join(path, "sub/y.txt"), "y\n")
            commitAll(Path.join(path, "sub"))
            write(Path.join(path, "sub/z.txt"), "z\n")
          },
          {},
          2
        ),
        layer
      )
      assert.deepStrictEqual(brief(evidence), ["modified sub"])
      assert.include(evidence.warnings.join(), "repositories inside")
      assert.isTrue(Fs.existsSync(Path.join(tree.root, "sub/z.txt")))
    }))

  it.scopedLive("under another name when its own is taken, by a branch or a directory (WT-8)", () =>
    Effect.gen(function*() {
      const repository = repositoryWith({ "a.txt": "a\n" })
      const home = directoryWith({})
      git(repository, "branch", `owf/${Lab.run}/${Lab.call(1)}`)
      write(Path.join(home, "runs", Lab.run, "worktrees", `${Lab.call(1)}-2`, "users.txt"), "u\n")
      const { tree } = yield* Effect.provide(work(() => {}), Lab.layer(repository, home))
      assert.strictEqual(tree.branch, `owf/${Lab.run}/${Lab.call(1)}-3`)
      assert.isTrue(Fs.existsSync(Path.join(home, "runs", Lab.run, "worktrees", `${Lab.call(1)}-2`, "users.txt")))
      assert.include(git(repository, "branch", "--list", "owf/*"), Lab.call(1))
    }))

  it.scopedLive(
    "16 times at once while others are at work in the repository, from a branch that tracks another (WT-9)",
    () =>
      Effect.gen(function*() {
        const origin = repositoryWith({ "a.txt": "a\n" })
        const repository = Repository.cloneOf(origin, "main")
        git(repository, "checkout", "--quiet", "main")
        const home = directoryWith({})
        const script =
          "for i in 1 2 3 4 5 6 7 8; do git worktree add --quiet --no-track -b \"$1-$i\" \"$2/$1-$i\" HEAD && " +
          "git config \"owf.$1\" $i; done"
        const others = directoryWith({})
        const started = [1, 2, 3, 4].map((index) =>
          spawn("sh", ["-c", script, "sh", `other${index}`, others], { cwd: repository, stdio: "ignore" })
        )
        yield* Effect.addFinalizer(() => Effect.sync(() => started.forEach((child) => child.kill())))
        const done = yield* Effect.provide(
          Effect.all(
            Array.from({ length: 16 }, (_, index) =>
              work((path) => write(Path.join(path, "own.txt"), `${index}\n`), {
                base: { _tag: "Revision", name: "origin/main" }
              }, index + 1)),
            { concurrency: "unbounded" }
          ),
          Lab.layer(repository, home)
        )
        assert.lengthOf(new Set(done.map(({ tree }) => tree.root)), 16)
        for (const { evidence } of done) assert.deepStrictEqual(brief(evidence), ["added own.txt"])
      }),
    60_000
  )

  it.scopedLive("in 4 processes at once, 4 times in each (WT-9)", () =>
    Effect.gen(function*() {
      const repository = repositoryWith({ "a.txt": "a\n" })
      const home = directoryWith({})
      const program = Path.join(root, "test/worktree/calls.mjs")
      const printed = yield* Effect.all(
        [1, 5, 9, 13].map((first) =>
          Effect.promise(() =>
            promisify(execFile)(process.execPath, [program, repository, home, Lab.run, String(first), "4"])
          )
        ),
        { concurrency: "unbounded" }
      )
      for (const { stdout } of printed) assert.strictEqual(stdout, "[1,1,1,1]")
      assert.lengthOf(git(repository, "worktree", "list").split("\n"), 17)
    }), 60_000)

  it.scopedLive("and gives back what it had begun when it is interrupted while its tree is made", () =>
    Effect.gen(function*() {
      const repository = repositoryWith({ ".gitattributes": "*.txt filter=slow\n", "a.txt": "a\n" })
      const home = directoryWith({})
      const marker = Path.join(home, "begun")
      git(repository, "config", "filter.slow.smudge", `touch ${marker}; sleep 30; cat`)
      const making = yield* Effect.fork(Effect.provide(work(() => {}), Lab.layer(repository, home)))
      const begun = yield* Deferred.make<void>()
      const timer = setInterval(() => {
        if (Fs.existsSync(marker)) Deferred.unsafeDone(begun, Effect.void)
      }, 20)
      yield* Deferred.await(begun)
      clearInterval(timer)
      yield* Fiber.interrupt(making)
      assert.strictEqual(git(repository, "branch", "--list", "owf/*"), "")
      assert.deepStrictEqual(Fs.readdirSync(Path.join(home, "runs", Lab.run, "worktrees")), [])
    }))
})

describe.skipIf(!Lab.hasGit)("an isolated call leaves a dirty checkout alone (WT-6)", () => {
  const states: ReadonlyArray<readonly [string, (repository: string) => void]> = [
    ["staged, unstaged and new files", (repository) => {
      write(Path.join(repository, "a.txt"), "staged\n")
      git(repository, "add", "a.txt")
      write(Path.join(repository, "b.txt"), "unstaged\n")
      write(Path.join(repository, "new.txt"), "new\n")
      write(Path.join(repository, "x.log"), "ignored\n")
    }],
    ["a stash", (repository) => {
      write(Path.join(repository, "a.txt"), "stashed\n")
      git(repository, "stash", "--quiet")
    }],
    ["a merge in conflict", (repository) => {
      git(repository, "checkout", "--quiet", "-b", "side")
      write(Path.join(repository, "a.txt"), "side\n")
      commitAll(repository)
      git(repository, "checkout", "--quiet", "main")
      write(Path.join(repository, "a.txt"), "main\n")
      commitAll(repository)
      try {
        git(repository, "merge", "--quiet", "side")
      } catch {
        // this is what is wanted
      }
    }]
  ]
  for (const [title, make] of states) {
    for (const base of ["Head", "Dirty"] as const) {
      it.scopedLive(`${title}, started from ${base === "Head" ? "HEAD" : "what is there"}`, () =>
        Effect.gen(function*() {
          const repository = repositoryWith({ "a.txt": "a\n", "b.txt": "b\n", ".gitignore": "*.log\n.owf\n" })
          make(repository)
          const before = Lab.usersOwn(repository)
          const status = git(repository, "status", "--porcelain")
          const there = Fs.readFileSync(Path.join(repository, "a.txt"), "utf8")
          const { evidence } = yield* Effect.provide(
            work((path) => {
              const own = Fs.readFileSync(Path.join(path, "a.txt"), "utf8")
              assert.strictEqual(own, base === "Head" ? git(repository, "show", "HEAD:a.txt") + "\n" : there)
              assert.strictEqual(
                Fs.existsSync(Path.join(path, "new.txt")),
                base === "Dirty" && status.includes("new.txt")
              )
              assert.isFalse(Fs.existsSync(Path.join(path, "x.log")))
              write(Path.join(path, "b.txt"), "agent\n")
              commitAll(path)
            }, { base: { _tag: base } }),
            Lab.layer(repository, Path.join(repository, ".owf"))
          )
          assert.deepStrictEqual(brief(evidence), ["modified b.txt"])
          assert.deepStrictEqual(Lab.usersOwn(repository), before)
          assert.strictEqual(git(repository, "status", "--porcelain"), status)
        }))
    }
  }
})

describe.skipIf(!Lab.hasGit)("a patch", () => {
  it.scopedLive("is bounded, and says so; the commit holds it all (WT-19)", () =>
    Effect.gen(function*() {
      const repository = repositoryWith({ "a.txt": "a\n" })
      const { evidence } = yield* Effect.provide(
        Effect.scoped(Effect.gen(function*() {
          const worktree = yield* Worktree
          const tree = yield* worktree.acquire(wanted(1))
          const line = `${"x".repeat(127)}\n`
          Fs.writeFileSync(Path.join(tree.root, "huge.txt"), line.repeat(160_000))
          return { evidence: yield* worktree.collect(tree) }
        })),
        Lab.layer(repository, directoryWith({}))
      )
      assert.isTrue(evidence.isPatchCut)
      assert.strictEqual(evidence.patch.length, 16_777_216)
      assert.strictEqual(git(repository, "cat-file", "-s", `${evidence.headCommit}:huge.txt`), "20480000")
    }))
})
