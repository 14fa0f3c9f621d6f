import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { Worktree } from "../../src/worktree/Worktree.ts"
import { directoryWith } from "../lib/node.ts"
import * as Repository from "../lib/repository.ts"
import * as Lab from "./lab.ts"

const { brief, commitAll, wanted, work, write } = Lab
const { git, repositoryWith } = Repository

const marking = (marker: string) => `#!/bin/sh\ntouch ${marker}\ncat\n`

/** A program that leaves a trace when it is run. */
const trap = () => {
  const directory = directoryWith({})
  const marker = Path.join(directory, "ran")
  const program = Path.join(directory, "program")
  Fs.writeFileSync(program, marking(marker), { mode: 0o755 })
  return { program, hasRun: () => Fs.existsSync(marker), forget: () => Fs.rmSync(marker, { force: true }) }
}

type Plant = (options: { readonly path: string; readonly repository: string; readonly program: string }) => void

const plants: ReadonlyArray<readonly [string, Plant]> = [
  ["hooks", ({ program, repository }) => {
    for (const hook of ["post-checkout", "post-commit", "reference-transaction", "post-index-change", "pre-auto-gc"]) {
      Fs.copyFileSync(program, Path.join(repository, ".git/hooks", hook))
    }
  }],
  ["a directory of hooks", ({ path, program, repository }) => {
    Fs.mkdirSync(Path.join(path, "hooks"))
    Fs.copyFileSync(program, Path.join(path, "hooks/post-checkout"))
    git(repository, "config", "core.hooksPath", Path.join(path, "hooks"))
  }],
  ["a file monitor", ({ program, repository }) => git(repository, "config", "core.fsmonitor", program)],
  ["a command for ssh", ({ program, repository }) => git(repository, "config", "core.sshCommand", program)],
  ["an external diff", ({ program, repository }) => git(repository, "config", "diff.external", program)],
  ["a filter, under a name with an equals sign", ({ path, program, repository }) => {
    git(repository, "config", "filter.a=b.clean", program)
    git(repository, "config", "filter.a=b.smudge", program)
    git(repository, "config", "filter.a=b.required", "true")
    write(Path.join(path, ".gitattributes"), "* filter=a=b diff=own merge=own\n")
    git(repository, "config", "diff.own.textconv", program)
    git(repository, "config", "diff.own.command", program)
  }],
  ["configuration that is included", ({ path, program, repository }) => {
    write(Path.join(path, "included"), `[filter "x"]\n\tclean = ${program}\n\tsmudge = ${program}\n`)
    write(Path.join(path, ".gitattributes"), "* filter=x\n")
    git(repository, "config", "include.path", Path.join(path, "included"))
  }],
  ["another repository to fetch from", ({ program, repository }) => {
    git(repository, "config", "remote.other.url", repository)
    git(repository, "config", "remote.other.promisor", "true")
    git(repository, "config", "remote.other.uploadpack", program)
    git(repository, "config", "core.repositoryformatversion", "1")
    git(repository, "config", "extensions.partialClone", "other")
  }]
]

describe.skipIf(!Lab.hasGit)("what an agent plants is not run", () => {
  for (const [title, plant] of plants) {
    it.scopedLive(`neither for its own call nor for the next: ${title} (WT-13)`, () =>
      Effect.gen(function*() {
        const repository = repositoryWith({ "a.txt": "a\n", "b.txt": "b\n" })
        const { forget, hasRun, program } = trap()
        yield* Effect.provide(
          Effect.gen(function*() {
            const { evidence } = yield* work((path) => {
              plant({ path, repository, program })
              write(Path.join(path, "a.txt"), "changed\n")
              write(Path.join(path, "new.txt"), "new\n")
              forget()
            })
            assert.isFalse(hasRun())
            assert.include(brief(evidence), "modified a.txt")
            assert.include(evidence.warnings.join(), "configuration or hooks changed")
            yield* work((path) => write(Path.join(path, "c.txt"), "c\n"), {}, 2)
            yield* work(() => {}, {}, 3)
            const { snapshot } = yield* Worktree
            write(Path.join(repository, "b.txt"), "B\n")
            const before = yield* snapshot
            write(Path.join(repository, "a.txt"), "A\n")
            yield* before.changes
            assert.isFalse(hasRun())
          }),
          Lab.layer(repository, directoryWith({}))
        )
      }))
  }

  it.scopedLive("to fetch an object that the agent removed", () =>
    Effect.gen(function*() {
      const repository = repositoryWith({ "a.txt": "a\n" })
      const { hasRun, program } = trap()
      const object = git(repository, "rev-parse", "HEAD:a.txt")
      yield* Effect.provide(
        Effect.gen(function*() {
          const failed = yield* Effect.flip(work((path) => {
            for (const [, plant] of plants.slice(-1)) plant({ path, repository, program })
            write(Path.join(path, "a.txt"), "changed\n")
            Fs.rmSync(Path.join(repository, ".git/objects", object.slice(0, 2), object.slice(2)))
          }))
          assert.strictEqual(failed.reason, "Refused")
          assert.strictEqual((yield* Effect.flip(work(() => {}, {}, 2))).reason, "Refused")
          assert.isFalse(hasRun())
        }),
        Lab.layer(repository, directoryWith({}))
      )
    }))

  it.scopedLive("while the filters the user had are run as they were", () =>
    Effect.gen(function*() {
      const repository = repositoryWith({ ".gitattributes": "*.big filter=big\n" })
      git(repository, "config", "filter.big.clean", "sed s/^/pointer:/")
      git(repository, "config", "filter.big.smudge", "sed s/^pointer://")
      git(repository, "config", "filter.big.required", "true")
      write(Path.join(repository, "one.big"), "content\n")
      commitAll(repository)
      const { forget, hasRun, program } = trap()
      yield* Effect.provide(
        Effect.gen(function*() {
          const { evidence } = yield* work((path) => {
            assert.strictEqual(Fs.readFileSync(Path.join(path, "one.big"), "utf8"), "content\n")
            git(repository, "config", "filter.big.clean", program)
            git(repository, "config", "filter.big.smudge", program)
            write(Path.join(path, "two.big"), "more\n")
            forget()
          })
          assert.strictEqual(git(repository, "show", `${evidence.headCommit}:two.big`), "pointer:more")
          const next = yield* work(
            (path) => {
              assert.strictEqual(Fs.readFileSync(Path.join(path, "one.big"), "utf8"), "content\n")
            },
            {},
            2
          )
          assert.deepStrictEqual(next.evidence.changes, [])
          assert.isFalse(hasRun())
        }),
        Lab.layer(repository, directoryWith({}))
      )
    }))
})

describe.skipIf(!Lab.hasGit)("the user's checkout is not taken for the worktree", () => {
  const places: ReadonlyArray<readonly [string, Plant, string]> = [
    [
      "when .git names the user's repository (WT-11)",
      ({ path, repository }) => write(Path.join(path, ".git"), `gitdir: ${repository}/.git\n`),
      "no longer names the repository"
    ],
    [
      "when the tree became a repository of its own",
      ({ path }) => {
        Fs.rmSync(Path.join(path, ".git"))
        git(path, "init", "--quiet")
      },
      "no longer names the repository"
    ],
    [
      "when core.worktree is configured",
      ({ path, repository }) =>
        void git(path, "config", "--file", `${repository}/.git/config`, "core.worktree", repository),
      "configuration or hooks changed"
    ],
    [
      "when core.bare is configured",
      ({ path, repository }) => void git(path, "config", "--file", `${repository}/.git/config`, "core.bare", "true"),
      "configuration or hooks changed"
    ]
  ]
  for (const [title, plant, said] of places) {
    it.scopedLive(title, () =>
      Effect.gen(function*() {
        const repository = repositoryWith({ "a.txt": "a\n" })
        write(Path.join(repository, "a.txt"), "the user's\n")
        const config = Fs.readFileSync(Path.join(repository, ".git/config"))
        const before = Lab.usersOwn(repository)
        const { evidence, tree } = yield* Effect.provide(
          work((path) => {
            write(Path.join(path, "new.txt"), "new\n")
            plant({ path, repository, program: "" })
          }),
          Lab.layer(repository, directoryWith({}))
        )
        assert.deepStrictEqual(brief(evidence), ["added new.txt"])
        assert.include(evidence.warnings.join("\n"), said)
        assert.isTrue(Fs.existsSync(Path.join(tree.root, "new.txt")))
        Fs.writeFileSync(Path.join(repository, ".git/config"), config)
        assert.deepStrictEqual(Lab.usersOwn(repository), before)
      }))
  }

  const swaps: ReadonlyArray<readonly [string, Plant]> = [
    ["the tree", ({ path, repository }) => {
      Fs.renameSync(path, `${path}-away`)
      Fs.symlinkSync(repository, path)
    }],
    ["the repository's directory for it", ({ path, repository }) => {
      const own = git(path, "rev-parse", "--absolute-git-dir")
      Fs.renameSync(own, `${own}-away`)
      Fs.symlinkSync(Path.join(repository, ".git"), own)
    }]
  ]
  for (const [title, swap] of swaps) {
    it.scopedLive(`when ${title} is a link to the user's, which is not looked into (WT-11)`, () =>
      Effect.gen(function*() {
        const repository = repositoryWith({ "a.txt": "a\n" })
        const failed = yield* Effect.flip(Effect.provide(
          work((path) => swap({ path, repository, program: "" })),
          Lab.layer(repository, directoryWith({}))
        ))
        assert.strictEqual(failed.reason, "Lost")
        assert.include(failed.detail, "not looked into")
        assert.strictEqual(Fs.readFileSync(Path.join(repository, "a.txt"), "utf8"), "a\n")
        assert.strictEqual(git(repository, "status", "--porcelain"), "")
      }))
  }

  it.scopedLive("and a link in the commit does not lead its agent out of the tree", () =>
    Effect.gen(function*() {
      const repository = repositoryWith({ "a.txt": "a\n", "in/b.txt": "b\n" })
      const outside = directoryWith({})
      Fs.symlinkSync(outside, Path.join(repository, "link"))
      commitAll(repository)
      Fs.rmSync(Path.join(repository, "link"))
      Fs.mkdirSync(Path.join(repository, "link"))
      const { tree } = yield* Effect.provide(
        work(() => {}),
        Lab.layer(Path.join(repository, "link"), directoryWith({}))
      )
      assert.strictEqual(tree.path, tree.root)
    }))
})

describe.skipIf(!Lab.hasGit)("special files", () => {
  it.scopedLive("are recorded as links and never followed, and hold nothing up (WT-14)", () =>
    Effect.gen(function*() {
      const repository = repositoryWith({ "a.txt": "a\n", "b.txt": "b\n" })
      const outside = directoryWith({ "secret.txt": "do not read\n" })
      const { evidence } = yield* Effect.provide(
        work((path) => {
          Fs.symlinkSync(Path.join(outside, "secret.txt"), Path.join(path, "file"))
          Fs.symlinkSync(outside, Path.join(path, "directory"))
          Fs.symlinkSync("/nowhere", Path.join(path, "broken"))
          Fs.symlinkSync(outside, Path.join(path, ".owf"))
          execFileSync("mkfifo", [Path.join(path, "pipe")])
          Fs.rmSync(Path.join(path, "b.txt"))
          execFileSync("mkfifo", [Path.join(path, "b.txt")])
        }),
        Lab.layer(repository, directoryWith({}))
      )
      assert.deepStrictEqual(
        brief(evidence).filter((line) => !line.endsWith("b.txt")),
        ["added .owf", "added broken", "added directory", "added file"]
      )
      assert.lengthOf(evidence.changes, 5)
      assert.notInclude(evidence.patch, "do not read")
      assert.strictEqual(git(repository, "show", `${evidence.headCommit}:file`), Path.join(outside, "secret.txt"))
    }))

  it.scopedLive("in place of a file that git reads are given up on, and the tree stays (WT-14)", () =>
    Effect.gen(function*() {
      const repository = repositoryWith({ "a.txt": "a\n" })
      let root = ""
      const failed = yield* Effect.flip(Effect.provide(
        work((path) => {
          root = path
          write(Path.join(path, "new.txt"), "new\n")
          execFileSync("mkfifo", [Path.join(path, ".gitignore")])
        }),
        Lab.layer(repository, directoryWith({}), { silenceTimeout: Duration.millis(500) })
      ))
      assert.strictEqual(failed.reason, "Unavailable")
      assert.include(failed.detail, "said nothing for 500ms")
      assert.isTrue(Fs.existsSync(Path.join(root, "new.txt")))
    }))

  it.scopedLive("and files that cannot be read are named, and stay where they are", () =>
    Effect.gen(function*() {
      const repository = repositoryWith({ "a.txt": "a\n" })
      git(repository, "config", "core.bigFileThreshold", "1k")
      const { evidence, tree } = yield* Effect.provide(
        work((path) => {
          for (let index = 0; index < 20; index++) write(Path.join(path, `file-${index}`), `${index}\n`)
          // a directory with a repository that has no commit cannot be taken into any
          Fs.mkdirSync(Path.join(path, "nothing"))
          git(Path.join(path, "nothing"), "init", "--quiet")
        }),
        Lab.layer(repository, directoryWith({}))
      )
      assert.lengthOf(evidence.changes, 21)
      assert.include(evidence.warnings.join("\n"), "could not be read, and are only in the worktree: nothing")
      assert.isTrue(Fs.existsSync(Path.join(tree.root, "nothing")))
      assert.strictEqual(git(repository, "show", `${evidence.headCommit}:file-19`), "19")
    }))
})

describe.skipIf(!Lab.hasGit)("the environment of the user", () => {
  it.scopedLive("points git nowhere else, and asks nobody anything (WT-15)", () =>
    Effect.gen(function*() {
      const repository = repositoryWith({ "a.txt": "a\n" })
      const other = repositoryWith({ "other.txt": "o\n" })
      const before = Repository.contentOf(other)
      const { hasRun, program } = trap()
      const environment = {
        ...Lab.environment,
        GIT_DIR: Path.join(other, ".git"),
        GIT_WORK_TREE: other,
        GIT_INDEX_FILE: Path.join(other, ".git/index"),
        GIT_CONFIG_COUNT: "1",
        GIT_CONFIG_KEY_0: "core.fsmonitor",
        GIT_CONFIG_VALUE_0: program,
        GIT_PAGER: program,
        GIT_EDITOR: program,
        GIT_ASKPASS: program,
        GIT_EXTERNAL_DIFF: program,
        GIT_SSH_COMMAND: program
      }
      const { evidence, tree } = yield* Effect.provide(
        work((path) => write(Path.join(path, "new.txt"), "new\n")),
        Lab.layer(repository, directoryWith({}), { environment })
      )
      assert.deepStrictEqual(brief(evidence), ["added new.txt"])
      assert.isTrue(Fs.existsSync(Path.join(tree.root, "a.txt")))
      assert.isFalse(hasRun())
      assert.deepStrictEqual(Repository.contentOf(other), before)
    }))
})

describe.skipIf(!Lab.hasGit)("a lock", () => {
  const lockTimeout = Duration.millis(300)

  it.scopedLive("that another git lets go is waited for (WT-10)", () =>
    Effect.gen(function*() {
      const repository = repositoryWith({ "a.txt": "a\n" })
      const lock = Path.join(repository, ".git/refs/owf", Lab.run, Lab.call(1), "head.lock")
      const letGo = Effect.delay(Effect.sync(() => Fs.rmSync(lock)), "400 millis")
      const { evidence } = yield* Effect.provide(
        Effect.scoped(Effect.gen(function*() {
          const worktree = yield* Worktree
          const tree = yield* worktree.acquire(wanted(1))
          write(Path.join(tree.root, "new.txt"), "new\n")
          write(lock, "")
          yield* Effect.fork(letGo)
          return { evidence: yield* worktree.collect(tree) }
        })),
        Lab.layer(repository, directoryWith({}))
      )
      assert.deepStrictEqual(brief(evidence), ["added new.txt"])
    }))

  it.scopedLive("that nobody lets go is named, and stays (WT-10)", () =>
    Effect.gen(function*() {
      const repository = repositoryWith({ "a.txt": "a\n" })
      const lock = Path.join(repository, ".git/refs/owf", Lab.run, Lab.call(1), "head.lock")
      let root = ""
      const failed = yield* Effect.flip(Effect.provide(
        work((path) => {
          root = path
          write(Path.join(path, "new.txt"), "new\n")
          write(lock, "")
        }),
        Lab.layer(repository, directoryWith({}), { lockTimeout })
      ))
      assert.include(failed.detail, "head.lock': File exists")
      assert.isTrue(Fs.existsSync(lock))
      assert.isTrue(Fs.existsSync(Path.join(root, "new.txt")))
    }))

  it.scopedLive("of the user's index or configuration, or of the tree's, is in nobody's way (WT-10)", () =>
    Effect.gen(function*() {
      const repository = repositoryWith({ "a.txt": "a\n" })
      for (const name of ["index.lock", "config.lock"]) write(Path.join(repository, ".git", name), "")
      const { evidence } = yield* Effect.provide(
        work((path) => {
          write(Path.join(path, "new.txt"), "new\n")
          write(Path.join(git(path, "rev-parse", "--absolute-git-dir"), "index.lock"), "")
        }),
        Lab.layer(repository, directoryWith({}), { lockTimeout })
      )
      assert.deepStrictEqual(brief(evidence), ["added new.txt"])
      assert.isTrue(Fs.existsSync(Path.join(repository, ".git/index.lock")))
    }))
})
