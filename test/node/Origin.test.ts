import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { agent, OwfTest, Scripted, Workflow } from "open-agent-workflows"
import * as LoadReport from "open-agent-workflows/report/LoadReport"
import * as Origin from "../../src/node/Origin.ts"
import { temporary } from "../lib/store.ts"

const git = (cwd: string, ...words: ReadonlyArray<string>): string =>
  execFileSync(
    "git",
    ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main", ...words],
    {
      cwd,
      encoding: "utf8",
      env: { PATH: process.env["PATH"], HOME: cwd, GIT_CONFIG_NOSYSTEM: "1" },
      stdio: ["ignore", "pipe", "ignore"]
    }
  ).trim()

/** A repository with one commit, whose id is given. */
const repository = Effect.map(temporary, (directory) => {
  git(directory, "init", "--quiet")
  git(directory, "commit", "--quiet", "--allow-empty", "-m", "first")
  return { directory, commit: git(directory, "rev-parse", "HEAD") }
})

const headOf = (directory: string) =>
  Effect.map(Origin.make(directory), ({ gitBranch, gitCommit }) => ({ gitBranch, gitCommit }))

describe("what a run is started with", () => {
  it.scoped("names the versions, and no commit outside of a repository", () =>
    Effect.gen(function*() {
      const found = yield* Origin.make(yield* temporary)
      assert.deepStrictEqual(found, { owfVersion: "0.1.0", node: process.version, gitCommit: null, gitBranch: null })
    }))

  it.scoped("names the branch and its commit, from a directory below too", () =>
    Effect.gen(function*() {
      const { commit, directory } = yield* repository
      Fs.mkdirSync(Path.join(directory, "a/b"), { recursive: true })
      assert.deepStrictEqual(yield* headOf(Path.join(directory, "a/b")), { gitBranch: "main", gitCommit: commit })
    }))

  it.scoped("finds a branch whose reference was packed, and one with a slash in its name", () =>
    Effect.gen(function*() {
      const { commit, directory } = yield* repository
      git(directory, "checkout", "--quiet", "-b", "topic/one")
      git(directory, "pack-refs", "--all")
      assert.deepStrictEqual(yield* headOf(directory), { gitBranch: "topic/one", gitCommit: commit })
    }))

  it.scoped("names the commit alone where no branch is checked out", () =>
    Effect.gen(function*() {
      const { commit, directory } = yield* repository
      git(directory, "checkout", "--quiet", "--detach")
      assert.deepStrictEqual(yield* headOf(directory), { gitBranch: null, gitCommit: commit })
    }))

  it.scoped("names the branch of a worktree", () =>
    Effect.gen(function*() {
      const { commit, directory } = yield* repository
      const tree = Path.join(yield* temporary, "tree")
      git(directory, "worktree", "add", "--quiet", "-b", "aside", tree)
      assert.deepStrictEqual(yield* headOf(tree), { gitBranch: "aside", gitCommit: commit })
    }))

  it.scoped("names a branch without commits, and nothing of what git did not write", () =>
    Effect.gen(function*() {
      const directory = yield* temporary
      git(directory, "init", "--quiet")
      assert.deepStrictEqual(yield* headOf(directory), { gitBranch: "main", gitCommit: null })
      Fs.writeFileSync(Path.join(directory, ".git/HEAD"), "ref: ../../elsewhere\n")
      assert.deepStrictEqual(yield* headOf(directory), { gitBranch: null, gitCommit: null })
    }))

  it.scoped("names no commit where the place of the repository cannot be looked at", () =>
    Effect.gen(function*() {
      const directory = yield* temporary
      Fs.symlinkSync(".git", Path.join(directory, ".git"))
      assert.deepStrictEqual(yield* headOf(directory), { gitBranch: null, gitCommit: null })
    }))

  const count = Workflow.make({ name: "count" }, function*() {
    const answers = []
    for (const prompt of ["a", "b"]) {
      const { value } = yield* agent(prompt, { schema: Schema.Struct({ n: Schema.Number }) })
      answers.push(value.n)
    }
    return answers
  })

  it.scoped("is in the run's report, and so is the schema of its calls, which is kept once", () =>
    Effect.gen(function*() {
      const { runId } = yield* Workflow.start(count, undefined)
      const report = yield* LoadReport.load(runId, { owfVersion: "0.1.0" })
      assert.deepInclude(report.run.environment, { owfVersion: "0.1.0", node: process.version })
      assert.strictEqual(report.events.filter(({ type }) => type === "schema").length, 1)
      for (const { schema } of report.calls) {
        assert.deepInclude(JSON.parse(schema?.text ?? "null"), { type: "object", required: ["n"] })
      }
    }).pipe(Effect.provide(OwfTest.layer({ provider: Scripted.make(() => Scripted.answer("{\"n\": 1}")) }))))
})
