import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import type { RunId } from "../../src/domain/Ids.ts"
import * as Gc from "../../src/worktree/Gc.ts"
import * as Listing from "../../src/worktree/Listing.ts"
import { Worktree } from "../../src/worktree/Worktree.ts"
import { directoryWith } from "../lib/node.ts"
import * as Repository from "../lib/repository.ts"
import * as Lab from "./lab.ts"

const { commitAll, run, wanted, work, write } = Lab
const { git, repositoryWith } = Repository

const other = "20260528-143202-1sj04k7m2x9q" as RunId

interface Place {
  readonly repository: string
  readonly home: string
}

const over: Gc.Run = { id: run, isLive: false, endedAt: 0 }

const optionsOf = ({ home, repository }: Place, more: Partial<Gc.Options> = {}): Gc.Options => ({
  cwd: repository,
  home,
  environment: Lab.environment,
  runs: [over],
  olderThan: Duration.days(1),
  ...more
})

const plan = (place: Place, more: Partial<Gc.Options> = {}) =>
  Effect.provide(Gc.plan(optionsOf(place, more)), Lab.platform)

const execute = (place: Place, more: Partial<Gc.Options> = {}) =>
  Effect.provide(Gc.execute(optionsOf(place, more)), Lab.platform)

const list = ({ repository }: Place, more: Partial<Listing.Options> = {}) =>
  Effect.provide(Listing.list({ cwd: repository, environment: Lab.environment, ...more }), Lab.platform)

const begin = (): Place => ({
  repository: repositoryWith({ "a.txt": "a\n", ".gitignore": "*.log\n" }),
  home: directoryWith({})
})

const workAt = ({ home, repository }: Place, agent: (path: string) => void, index = 1) =>
  Effect.provide(work(agent, {}, index), Lab.layer(repository, home))

/** A tree as a process leaves it that ends at once, with its agent half-way. */
const leftOver = ({ home, repository }: Place, agent: (path: string) => void, index = 1) => {
  const path = Path.join(home, "runs", run, "worktrees", Lab.call(index))
  const branch = `owf/${run}/${Lab.call(index)}`
  git(
    repository,
    "worktree",
    "add",
    "--quiet",
    "--lock",
    "--reason",
    `owf: ${Lab.call(index)} is at work in it`,
    "-b",
    branch,
    path
  )
  const record = { run, call: Lab.call(index), branch, baseCommit: git(repository, "rev-parse", "HEAD") }
  Fs.writeFileSync(Path.join(git(path, "rev-parse", "--absolute-git-dir"), "owf"), JSON.stringify(record))
  agent(path)
  return path
}

const discardOf = ({ items }: Gc.Swept, name: string): Gc.Item["discard"] | undefined =>
  items.find((item) => item.name.endsWith(name))?.discard

const whyOf = ({ items }: Gc.Swept, name: string): string =>
  items.filter((item) => item.name === name || item.name.endsWith(name)).map(({ isRemoved, why }) =>
    `${isRemoved ? "removed" : "kept"}: ${why}`
  ).join("\n")

describe.skipIf(!Lab.hasGit)("gc", () => {
  it.scopedLive("says what it would free, and changes nothing until it is told to (WT-12)", () =>
    Effect.gen(function*() {
      const place = begin()
      const { tree } = yield* workAt(place, (path) => write(Path.join(path, "new.txt"), "x".repeat(100_000)))
      const before = Repository.contentOf(place.repository)
      const planned = yield* plan(place)
      assert.deepStrictEqual(Repository.contentOf(place.repository), before)
      const item = planned.items.find(({ kind }) => kind === "worktree")
      assert.isTrue(item?.isRemoved)
      assert.isAtLeast(item?.bytes ?? 0, 100_000)
      yield* execute(place)
      assert.isFalse(Fs.existsSync(tree.root))
      assert.deepStrictEqual(Lab.unreachable(place.repository), [])
    }))

  it.scopedLive("removes a tree whose files a commit holds, and keeps the commit (WT-12)", () =>
    Effect.gen(function*() {
      const place = begin()
      const { evidence, tree } = yield* workAt(place, (path) => {
        commitAll(path)
        write(Path.join(path, "new.txt"), "new\n")
        write(Path.join(path, "a.txt"), "changed\n")
        Fs.mkdirSync(Path.join(path, "empty"))
      })
      const swept = yield* execute(place)
      assert.isFalse(Fs.existsSync(tree.root))
      assert.deepStrictEqual(swept.runs, [])
      assert.strictEqual(whyOf(swept, "/head"), "kept: 1 commit is reachable from nothing else")
      assert.strictEqual(discardOf(swept, "/head"), "commits")
      assert.strictEqual(git(place.repository, "show", `${evidence.headCommit}:new.txt`), "new")
      git(place.repository, "gc", "--quiet", "--prune=now")
      assert.isTrue(Lab.isReachable(place.repository, evidence.headCommit ?? ""))
    }))

  it.scopedLive("removes branches and refs once what they hold was merged", () =>
    Effect.gen(function*() {
      const place = begin()
      const { evidence } = yield* workAt(place, (path) => {
        write(Path.join(path, "new.txt"), "new\n")
        commitAll(path)
      })
      git(place.repository, "merge", "--quiet", "--ff-only", evidence.headCommit ?? "")
      const swept = yield* execute(place)
      assert.deepStrictEqual(swept.runs, [run])
      assert.strictEqual(git(place.repository, "for-each-ref", "--format=%(refname)"), "refs/heads/main")
      assert.deepStrictEqual(Lab.unreachable(place.repository), [])
    }))

  it.scopedLive("gives up commits only when told to", () =>
    Effect.gen(function*() {
      const place = begin()
      yield* workAt(place, (path) => void commitAll(path))
      const swept = yield* execute(place, { discard: ["commits"] })
      assert.deepStrictEqual(swept.runs, [run])
      assert.strictEqual(git(place.repository, "for-each-ref", "--format=%(refname)"), "refs/heads/main")
    }))

  const keeping: ReadonlyArray<readonly [string, (path: string, place: Place) => void, string]> = [
    ["ignored files", (path) => write(Path.join(path, "run.log"), "log\n"), "because they are ignored: run.log"],
    ["a repository", (path) => {
      Fs.mkdirSync(Path.join(path, "inner"))
      git(Path.join(path, "inner"), "init", "--quiet")
      commitAll(Path.join(path, "inner"))
    }, "repositories in it are held by nothing else: inner/"],
    [
      "files git was told not to look at",
      (path) => git(path, "update-index", "--assume-unchanged", "a.txt"),
      "not to look at 1"
    ],
    ["what only its index holds", (path) => {
      write(Path.join(path, "a.txt"), "staged\n")
      git(path, "add", "a.txt")
      write(Path.join(path, "a.txt"), "after\n")
    }, "its index holds"],
    [
      "another .git",
      (path, { repository }) => write(Path.join(path, ".git"), `gitdir: ${repository}/.git\n`),
      "names another"
    ],
    ["a lock of somebody's", (path, { repository }) => {
      git(repository, "worktree", "unlock", path)
      git(repository, "worktree", "lock", "--reason", "mine", path)
    }, "somebody locked it: mine"]
  ]
  for (const [title, agent, said] of keeping) {
    it.scopedLive(`keeps a tree with ${title}, and says so (WT-12)`, () =>
      Effect.gen(function*() {
        const place = begin()
        const root = leftOver(place, (path) => agent(path, place))
        const content = () => Repository.contentOf(root, (path) => path === ".git")
        const before = content()
        const planned = yield* plan(place)
        assert.include(whyOf(planned, root), `kept: `)
        assert.include(whyOf(planned, root), said)
        assert.strictEqual(discardOf(planned, root), title === "ignored files" ? "ignored" : null)
        const swept = yield* execute(place)
        assert.strictEqual(whyOf(swept, root), whyOf(planned, root))
        assert.deepStrictEqual(content(), before)
        assert.deepStrictEqual(swept.runs, [])
      }))
  }

  it.scopedLive("keeps what is of a run that is live, young or not known (WT-12)", () =>
    Effect.gen(function*() {
      const place = begin()
      const { tree } = yield* workAt(place, (path) => write(Path.join(path, "new.txt"), "new\n"))
      const before = Repository.contentOf(place.repository)
      const cases: ReadonlyArray<readonly [ReadonlyArray<Gc.Run>, string]> = [
        [[{ ...over, isLive: true }], "its run is not over"],
        [[{ ...over, endedAt: yield* Effect.clockWith((clock) => clock.currentTimeMillis) }], "younger than 1d"],
        [[], "its run is not known here"],
        [[{ ...over, id: other }], "its run is not known here"]
      ]
      for (const [runs, said] of cases) {
        const swept = yield* execute(place, { runs })
        assert.include(whyOf(swept, tree.root), said)
        assert.isTrue(swept.items.every(({ isRemoved }) => !isRemoved))
      }
      assert.deepStrictEqual(Repository.contentOf(place.repository), before)
    }))

  it.scopedLive("keeps directories and worktrees that are somebody else's, and finds its own through a link (WT-11, WT-12)", () =>
    Effect.gen(function*() {
      const place = begin()
      const { tree } = yield* workAt(place, (path) => write(Path.join(path, "new.txt"), "new\n"))
      const folder = Path.dirname(tree.root)
      write(Path.join(folder, "plain/users.txt"), "u\n")
      git(place.repository, "worktree", "add", "--quiet", "-b", "mine", Path.join(folder, "mine"))
      const link = Path.join(directoryWith({}), "home")
      Fs.symlinkSync(place.home, link)
      const swept = yield* execute({ ...place, home: link })
      assert.isFalse(Fs.existsSync(tree.root))
      assert.include(whyOf(swept, "/plain"), "kept: it is no worktree of this repository that a call made")
      assert.include(whyOf(swept, "/mine"), "kept: it is no worktree")
      assert.isTrue(Fs.existsSync(Path.join(folder, "plain/users.txt")))
      assert.isTrue(Fs.existsSync(Path.join(folder, "mine/a.txt")))
      const elsewhere = yield* workAt(place, (path) => write(Path.join(path, "x.txt"), "x\n"), 2)
      const away = yield* execute({ ...place, home: directoryWith({}) })
      assert.include(whyOf(away, elsewhere.tree.root), "kept: it was made in another home")
    }))

  it.scopedLive("clears away a locked tree whose directory is gone, after keeping its commits (WT-11)", () =>
    Effect.gen(function*() {
      const place = begin()
      let made = ""
      const root = leftOver(place, (path) => {
        git(path, "checkout", "--quiet", "--detach")
        made = commitAll(path)
        Fs.rmSync(path, { recursive: true })
      })
      assert.deepStrictEqual((yield* list(place, { isLive: () => false })).map(({ state }) => state._tag), ["Missing"])
      const swept = yield* execute(place)
      assert.include(whyOf(swept, root), "removed: its directory is gone")
      assert.lengthOf(git(place.repository, "worktree", "list").split("\n"), 1)
      assert.isTrue(Lab.isReachable(place.repository, made))
    }))

  it.scopedLive("keeps a branch that is checked out in the user's own files", () =>
    Effect.gen(function*() {
      const place = begin()
      const { evidence, tree } = yield* workAt(place, (path) => void commitAll(path))
      git(tree.root, "checkout", "--quiet", "--detach")
      git(place.repository, "checkout", "--quiet", tree.branch)
      const swept = yield* execute(place, { discard: ["commits"] })
      assert.include(whyOf(swept, `refs/heads/${tree.branch}`), "kept: a worktree that stays is at it")
      assert.strictEqual(git(place.repository, "rev-parse", "HEAD"), evidence.headCommit)
    }))

  it.scopedLive("runs no filter that an agent left behind", () =>
    Effect.gen(function*() {
      const place = begin()
      const marker = Path.join(directoryWith({}), "ran")
      const root = leftOver(place, (path) => {
        write(Path.join(path, ".gitattributes"), "* filter=x\n")
        write(Path.join(path, "new.txt"), "new\n")
        git(place.repository, "config", "filter.x.clean", `touch ${marker}; cat`)
      })
      yield* list(place, { isLive: () => false })
      yield* execute(place)
      assert.isFalse(Fs.existsSync(marker))
      assert.isFalse(Fs.existsSync(root))
    }))
})

describe.skipIf(!Lab.hasGit)("the list of worktrees", () => {
  it.scopedLive("says of each what it holds", () =>
    Effect.gen(function*() {
      const place = begin()
      yield* workAt(place, (path) => {
        write(Path.join(path, "new.txt"), "new\n")
        commitAll(path)
        write(Path.join(path, "a.txt"), "changed\n")
        write(Path.join(path, "run.log"), "log\n")
      })
      leftOver(place, () => {}, 2)
      git(place.repository, "worktree", "add", "--quiet", "-b", "mine", Path.join(directoryWith({}), "mine"))
      const inUse = yield* list(place)
      assert.deepStrictEqual(inUse.map(({ call, state }) => [call, state]), [
        [Lab.call(1), { _tag: "Kept", changes: 3 }],
        [Lab.call(2), { _tag: "InUse" }]
      ])
      const dead = yield* list(place, { run, isLive: () => false })
      assert.deepStrictEqual(dead[1]?.state, { _tag: "Clean" })
      assert.deepStrictEqual(yield* list(place, { run: other }), [])
    }))
})

/** Numbers that look random and are the same each time. */
const numbers = (seed: number) => {
  let state = seed
  return (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor(state / 2 ** 32 * below)
  }
}

/** What an agent may do next; commits it makes are noted. */
const actions: ReadonlyArray<(path: string, made: Array<string>, step: number) => void> = [
  (path, made, step) => {
    write(Path.join(path, "a.txt"), `${step}\n`)
    made.push(commitAll(path, `step ${step}`))
  },
  (path, _, step) => write(Path.join(path, `new-${step}.txt`), "new\n"),
  (path, _, step) => write(Path.join(path, `x-${step}.log`), "log\n"),
  (path) => git(path, "checkout", "--quiet", "--detach"),
  (path, _, step) => git(path, "checkout", "--quiet", "-b", `side-${Path.basename(path)}-${step}`),
  (path, made) => {
    git(path, "commit", "--quiet", "--amend", "--allow-empty", "--message=amended")
    made.push(git(path, "rev-parse", "HEAD"))
  },
  (path) => git(path, "reset", "--quiet", "--hard", "main"),
  (path) => git(path, "add", "--all")
]

describe.skipIf(!Lab.hasGit)("whatever agents do and however calls end", () => {
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    it.scopedLive(
      `no commit is lost and the user's checkout is as it was: sequence ${seed}`,
      () =>
        Effect.gen(function*() {
          const place = begin()
          const next = numbers(seed)
          write(Path.join(place.repository, "users.txt"), "not committed\n")
          const before = Repository.contentOf(place.repository, (path) => path === ".git")
          const head = git(place.repository, "rev-parse", "HEAD")
          const made: Array<string> = []
          for (let index = 1; index <= 3; index++) {
            const agent = (path: string) => {
              for (let step = 0; step < 4; step++) actions[next(actions.length)]?.(path, made, index * 10 + step)
            }
            const ending = next(4)
            if (ending === 0) leftOver(place, agent, index)
            else if (ending === 1) {
              const interrupted = Effect.scoped(Effect.gen(function*() {
                const tree = yield* Effect.flatMap(Worktree, ({ acquire }) => acquire(wanted(index)))
                agent(tree.root)
                return yield* Effect.interrupt
              }))
              yield* Effect.exit(Effect.provide(interrupted, Lab.layer(place.repository, place.home)))
            } else yield* workAt(place, agent, index)
            if (next(2) === 0) yield* execute(place)
          }
          yield* execute(place, { discard: ["ignored"] })
          git(place.repository, "worktree", "prune")
          const lost = new Set(Lab.unreachable(place.repository))
          assert.deepStrictEqual(made.filter((commit) => lost.has(commit)), [])
          assert.deepStrictEqual(Repository.contentOf(place.repository, (path) => path === ".git"), before)
          assert.strictEqual(git(place.repository, "rev-parse", "HEAD"), head)
          assert.strictEqual(git(place.repository, "symbolic-ref", "HEAD"), "refs/heads/main")
        }),
      120_000
    )
  }
})
