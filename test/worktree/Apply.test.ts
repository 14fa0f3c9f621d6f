import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Apply from "../../src/worktree/Apply.ts"
import type { Evidence } from "../../src/worktree/Worktree.ts"
import { directoryWith } from "../lib/node.ts"
import * as Repository from "../lib/repository.ts"
import * as Lab from "./lab.ts"

const { commitAll, work, write } = Lab
const { git, repositoryWith } = Repository

const lines = (...changed: ReadonlyArray<string>): string =>
  Array.from({ length: 20 }, (_, index) => `${changed[index] ?? `line ${index}`}\n`).join("")

/** A repository and a call that changed the first line of one file, and added, deleted and renamed others. */
const begin = Effect.gen(function*() {
  const repository = repositoryWith({ "a.txt": lines(), "b.txt": "b\n", "r.txt": lines("r"), "u.txt": "u\n" })
  git(repository, "config", "user.name", "A Person")
  git(repository, "config", "user.email", "person@example.org")
  const { evidence } = yield* Effect.provide(
    work((path) => {
      write(Path.join(path, "a.txt"), lines("agent"))
      commitAll(path)
      write(Path.join(path, "new/n.txt"), "n\n")
      Fs.chmodSync(Path.join(path, "u.txt"), 0o755)
      Fs.rmSync(Path.join(path, "b.txt"))
      Fs.renameSync(Path.join(path, "r.txt"), Path.join(path, "s.txt"))
    }),
    Lab.layer(repository, directoryWith({}))
  )
  return { repository, evidence }
})

const apply = (repository: string, evidence: Evidence, more: Partial<Apply.Options> = {}) =>
  Effect.provide(
    Apply.apply(evidence, { cwd: repository, environment: Lab.environment, ...more }),
    Lab.platform
  )

const files = ["a.txt", "b.txt", "new/n.txt", "r.txt", "s.txt", "u.txt"]

/** Refused, for this reason, and with everything as it was. */
const assertRefused = (repository: string, evidence: Evidence, more: Partial<Apply.Options> = {}) =>
  Effect.gen(function*() {
    const before = Lab.usersOwn(repository)
    const failed = yield* Effect.flip(apply(repository, evidence, more))
    assert.deepStrictEqual(Lab.usersOwn(repository), before)
    assert.strictEqual(failed._tag, "ApplyRefused")
    return failed as Apply.ApplyRefused
  })

describe.skipIf(!Lab.hasGit)("applying what a call did", () => {
  it.scopedLive("changes the files and stages them, without a commit", () =>
    Effect.gen(function*() {
      const { evidence, repository } = yield* begin
      const head = git(repository, "rev-parse", "HEAD")
      const applied = yield* apply(repository, evidence)
      assert.deepStrictEqual(applied, { _tag: "Files", root: repository, files })
      assert.strictEqual(git(repository, "rev-parse", "HEAD"), head)
      assert.strictEqual(git(repository, "write-tree"), git(repository, "rev-parse", `${evidence.headCommit}^{tree}`))
      assert.strictEqual(git(repository, "diff", "--name-only"), "")
      assert.strictEqual(git(repository, "status", "--porcelain").includes("??"), false)
    }))

  it.scopedLive("merges it with what was committed since, and keeps what is not committed elsewhere", () =>
    Effect.gen(function*() {
      const { evidence, repository } = yield* begin
      write(Path.join(repository, "a.txt"), lines(...Array.from({ length: 19 }, (_, index) => `line ${index}`), "user"))
      commitAll(repository)
      write(Path.join(repository, "mine.txt"), "not committed\n")
      git(repository, "add", "mine.txt")
      write(Path.join(repository, "mine.txt"), "not staged\n")
      yield* apply(repository, evidence)
      const text = Fs.readFileSync(Path.join(repository, "a.txt"), "utf8")
      assert.include(text, "agent")
      assert.include(text, "user")
      assert.strictEqual(git(repository, "show", ":mine.txt"), "not committed")
      assert.strictEqual(Fs.readFileSync(Path.join(repository, "mine.txt"), "utf8"), "not staged\n")
      assert.isTrue(Fs.existsSync(Path.join(repository, "s.txt")))
      assert.deepStrictEqual(Lab.unreachable(repository), [])
    }))

  it.scopedLive("says so when it is there already, committed, staged or neither", () =>
    Effect.gen(function*() {
      const { evidence, repository } = yield* begin
      yield* apply(repository, evidence)
      assert.deepStrictEqual(yield* apply(repository, evidence), { _tag: "Already" })
      git(repository, "reset", "--quiet")
      assert.deepStrictEqual(yield* apply(repository, evidence), { _tag: "Already" })
      commitAll(repository)
      assert.deepStrictEqual(yield* apply(repository, evidence), { _tag: "Already" })
      assert.deepStrictEqual(yield* apply(repository, evidence, { branch: "main" }), { _tag: "Already" })
    }))

  it.scopedLive("is refused with the names of files in conflict, and changes nothing", () =>
    Effect.gen(function*() {
      const { evidence, repository } = yield* begin
      write(Path.join(repository, "a.txt"), lines("user"))
      commitAll(repository)
      const failed = yield* assertRefused(repository, evidence)
      assert.strictEqual(failed.reason, "Conflict")
      assert.deepStrictEqual(failed.files, ["a.txt"])
      assert.deepStrictEqual(Lab.unreachable(repository), [])
      git(repository, "branch", "side")
      assert.strictEqual((yield* assertRefused(repository, evidence, { branch: "side" })).reason, "Conflict")
    }))

  const blocks: ReadonlyArray<readonly [string, (repository: string) => void, string]> = [
    ["changed", (repository) => write(Path.join(repository, "a.txt"), lines("", "user")), "a.txt"],
    ["staged", (repository) => {
      write(Path.join(repository, "u.txt"), "user\n")
      git(repository, "add", "u.txt")
      write(Path.join(repository, "u.txt"), "u\n")
    }, "u.txt"],
    ["new", (repository) => write(Path.join(repository, "new/n.txt"), "mine\n"), "new/n.txt"],
    ["ignored", (repository) => {
      write(Path.join(repository, ".git/info/exclude"), "new/\n")
      write(Path.join(repository, "new/n.txt"), "mine\n")
    }, "new/n.txt"],
    ["in place of a directory", (repository) => write(Path.join(repository, "new"), "mine\n"), "new"],
    ["a broken link", (repository) => Fs.symlinkSync("/nowhere", Path.join(repository, "s.txt")), "s.txt"]
  ]
  for (const [title, block, file] of blocks) {
    it.scopedLive(`is refused where a file is in the way that is ${title}, and changes nothing`, () =>
      Effect.gen(function*() {
        const { evidence, repository } = yield* begin
        block(repository)
        const failed = yield* assertRefused(repository, evidence)
        assert.strictEqual(failed.reason, "Dirty")
        assert.include(failed.files, file)
      }))
  }

  it.scopedLive("is taken back when git cannot finish it", () =>
    Effect.gen(function*() {
      const { evidence, repository } = yield* begin
      write(Path.join(repository, ".git/info/attributes"), "s.txt filter=broken\n")
      git(repository, "config", "filter.broken.smudge", "false")
      git(repository, "config", "filter.broken.required", "true")
      const before = Repository.contentOf(repository, (path) => path === ".git")
      const failed = yield* Effect.flip(apply(repository, evidence))
      assert.include(failed.message, "smudge filter broken failed")
      assert.deepStrictEqual(Repository.contentOf(repository, (path) => path === ".git"), before)
      assert.strictEqual(git(repository, "status", "--porcelain"), "")
    }))

  it.scopedLive("waits for a lock on the index and then names it, and never removes it (WT-10)", () =>
    Effect.gen(function*() {
      const { evidence, repository } = yield* begin
      write(Path.join(repository, ".git/index.lock"), "")
      const failed = yield* assertRefused(repository, evidence, { lockTimeout: Duration.millis(200) })
      assert.include(failed.detail, "index.lock': File exists")
      assert.isTrue(Fs.existsSync(Path.join(repository, ".git/index.lock")))
    }))

  it.scopedLive("makes a commit on a branch that is not checked out, and touches no file", () =>
    Effect.gen(function*() {
      const { evidence, repository } = yield* begin
      git(repository, "branch", "side")
      write(Path.join(repository, "a.txt"), "the user's\n")
      const before = Lab.usersOwn(repository)
      const tip = git(repository, "rev-parse", "side")
      const applied = yield* apply(repository, evidence, { branch: "side", message: "From an agent" })
      assert.strictEqual(applied._tag, "Commit")
      assert.strictEqual(git(repository, "rev-parse", "side^"), tip)
      assert.strictEqual(git(repository, "log", "-1", "--format=%an %s", "side"), "A Person From an agent")
      assert.strictEqual(git(repository, "diff", "--name-only", evidence.headCommit ?? "", "side"), "")
      const touched = /^\.git\/(?:logs\/)?refs\/heads\/side$/
      const without = (content: Record<string, string>) =>
        Object.fromEntries(Object.entries(content).filter(([name]) => !touched.test(name)))
      assert.deepStrictEqual(without(Lab.usersOwn(repository)), without(before))
    }))

  it.scopedLive("changes the files where the branch is checked out", () =>
    Effect.gen(function*() {
      const { evidence, repository } = yield* begin
      const linked = Path.join(directoryWith({}), "linked")
      git(repository, "worktree", "add", "--quiet", "-b", "side", linked)
      const applied = yield* apply(repository, evidence, { branch: "side" })
      assert.deepStrictEqual(applied, { _tag: "Files", root: linked, files })
      assert.strictEqual(git(repository, "status", "--porcelain"), "")
    }))

  it.scopedLive("is refused for what is not there", () =>
    Effect.gen(function*() {
      const { evidence, repository } = yield* begin
      const reasonOf = (evidence: Evidence, more: Partial<Apply.Options> = {}) =>
        Effect.map(assertRefused(repository, evidence, more), ({ reason }) => reason)
      assert.strictEqual(yield* reasonOf(evidence, { branch: "none" }), "NoBranch")
      assert.strictEqual(yield* reasonOf({ ...evidence, headCommit: evidence.baseCommit }), "Nothing")
      assert.strictEqual(yield* reasonOf({ ...evidence, headCommit: null }), "Nothing")
      assert.strictEqual(yield* reasonOf({ ...evidence, headCommit: "0".repeat(39) + "1" }), "Gone")
    }))

  it.scopedLive("runs no merge driver, whoever configured it", () =>
    Effect.gen(function*() {
      const { evidence, repository } = yield* begin
      const marker = Path.join(directoryWith({}), "ran")
      write(Path.join(repository, ".git/info/attributes"), "a.txt merge=own\n")
      git(repository, "config", "merge.own.driver", `touch ${marker}`)
      write(Path.join(repository, "a.txt"), lines(...Array.from({ length: 19 }, (_, index) => `line ${index}`), "user"))
      commitAll(repository)
      assert.strictEqual((yield* assertRefused(repository, evidence)).reason, "Conflict")
      assert.isFalse(Fs.existsSync(marker))
    }))
})

describe.skipIf(!Lab.hasGit)("what a call did", () => {
  it.scopedLive("is shown whole where the record had to be cut", () =>
    Effect.gen(function*() {
      const { evidence, repository } = yield* begin
      const options = { cwd: repository, environment: Lab.environment }
      const whole = yield* Effect.provide(
        Apply.diff({ ...evidence, patch: "", isPatchCut: true }, options),
        Lab.platform
      )
      assert.strictEqual(whole, evidence.patch)
      assert.strictEqual(
        yield* Effect.provide(Apply.diff({ ...evidence, patch: "kept" }, options), Lab.platform),
        "kept"
      )
    }))
})
