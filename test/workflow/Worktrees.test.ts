import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Fs from "node:fs"
import * as Path from "node:path"
import type { AgentError, AgentResult, Engine, Run } from "open-agent-workflows"
import { agent, Owf, parallel, RunStore, Scripted, Workflow } from "open-agent-workflows"
import { RunFiles } from "open-agent-workflows/store/RunFiles"
import type { CallOptions } from "open-agent-workflows/workflow/Options"
import * as Worktree from "open-agent-workflows/worktree/Worktree"
import { directoryWith } from "../lib/node.ts"
import { contentOf, git, repositoryWith } from "../lib/repository.ts"

/** What an agent does to the files where it works. */
type Work = (directory: string, prompt: string) => Effect.Effect<void> | void

const isolated = { isolation: "worktree" } as const

const write = (directory: string, name: string, text: string): void => {
  const file = Path.join(directory, name)
  Fs.mkdirSync(Path.dirname(file), { recursive: true })
  Fs.writeFileSync(file, text)
}

const settled = (prompt: string, options: CallOptions): Effect.Effect<
  AgentResult.Done<string> | AgentError.AgentError,
  never,
  Run
> => Effect.merge(agent(prompt, options))

/** A home, a directory to work in, an agent that works there, and the runs of one workflow with them. */
const scene = (
  work: Work,
  body: Effect.Effect<unknown, unknown, Run>,
  options: { readonly cwd: string; readonly reads?: boolean; readonly home?: string }
) => {
  const home = options.home ?? directoryWith({})
  const provider = Scripted.make(
    (request) =>
      Effect.as(
        Effect.flatMap(Effect.sync(() => work(request.cwd ?? options.cwd, request.prompt)), (more) =>
          more ?? Effect.void),
        Scripted.answer(`re: ${request.prompt}`)
      ),
    { capabilities: { readsFiles: options.reads ?? false } }
  )
  const workflow = Workflow.make({ name: "test" }, () => body)
  const layer = Owf.layer({ home, cwd: options.cwd, provider: provider.name, providers: [provider], environment: {} })
  const found = Effect.gen(function*() {
    const store = yield* RunStore.RunStore
    const run = yield* store.run("latest")
    const events = yield* store.events(run.id)
    return {
      run,
      calls: yield* store.calls(run.id),
      warnings: events.flatMap(({ message, type }) => type === "call_warning" ? [message] : [])
    }
  })
  return {
    home,
    requests: Effect.map(provider.requests, (requests) => requests.length),
    start: Effect.zipRight(Workflow.start(workflow, {}), found).pipe(Effect.provide(layer)),
    /** Starts a run, waits for a file, and interrupts it. */
    cutAt: (file: string) =>
      Effect.gen(function*() {
        const fiber = yield* Effect.fork(Workflow.start(workflow, {}))
        while (!Fs.existsSync(file)) yield* Effect.sleep(5)
        yield* Fiber.interrupt(fiber)
        return yield* found
      }).pipe(Effect.provide(layer)),
    resume: (more: Engine.RunOptions = {}) =>
      Effect.gen(function*() {
        const { run } = yield* found
        yield* Workflow.resume(workflow, run, more)
        return yield* found
      }).pipe(Effect.provide(layer)),
    found: Effect.provide(found, layer),
    patchFile: Effect.gen(function*() {
      const { calls, run } = yield* found
      const files = yield* RunFiles
      yield* files.flush(run.id)
      return Fs.readFileSync(Path.join(files.callDirectory(calls[0]!.id), "patch.diff"), "utf8")
    }).pipe(Effect.provide(layer))
  }
}

const brief = (changes: ReadonlyArray<{ readonly kind: string; readonly path: string }> | null) =>
  (changes ?? []).map(({ kind, path }) => `${kind} ${path}`).toSorted()

describe("an isolated call", () => {
  it.scopedLive("works in a tree of its own, and all it left is recorded with it, committed or not", () =>
    Effect.gen(function*() {
      const cwd = repositoryWith({ "a.txt": "a\n", ".gitignore": "*.log\n" })
      const before = contentOf(cwd, (path) => path.startsWith(".git/"))
      let result: AgentResult.Done<string> | undefined
      const { home, patchFile, start } = scene(
        (directory) => {
          write(directory, "committed.txt", "c\n")
          git(directory, "add", "--all")
          git(directory, "commit", "--quiet", "--message=agent")
          write(directory, "a.txt", "changed\n")
          write(directory, "run.log", "log\n")
        },
        Effect.map(agent("work", isolated), (done) => void (result = done)),
        { cwd }
      )
      const { calls: [call], run } = yield* start
      assert.strictEqual(run.status, "done")
      assert.deepStrictEqual(brief(call!.changedFiles), ["added committed.txt", "ignored run.log", "modified a.txt"])
      assert.strictEqual(call!.baseCommit, git(cwd, "rev-parse", "HEAD"))
      assert.strictEqual(git(cwd, "show", `${call!.headCommit!}:a.txt`), "changed")
      assert.isTrue(call!.worktreePath!.startsWith(Fs.realpathSync(home)))
      assert.strictEqual(Fs.readFileSync(Path.join(call!.worktreePath!, "run.log"), "utf8"), "log\n")
      assert.strictEqual(git(call!.worktreePath!, "symbolic-ref", "--short", "HEAD"), call!.worktreeBranch)
      assert.deepStrictEqual(result!.changedFiles, call!.changedFiles)
      assert.include(result!.patch, "+changed")
      assert.strictEqual(yield* patchFile, result!.patch)
      assert.deepStrictEqual(result!.artifacts.map(({ kind }) => kind), ["prompt", "output_text", "patch"])
      assert.deepStrictEqual(contentOf(cwd, (path) => path.startsWith(".git/")), before)
      assert.strictEqual(git(cwd, "status", "--porcelain"), "")
    }))

  it.scopedLive("that changes nothing leaves nothing, and names nothing", () =>
    Effect.gen(function*() {
      const cwd = repositoryWith({ "a.txt": "a\n" })
      const { home, start } = scene(() => undefined, agent("look", isolated), { cwd })
      const { calls: [call], run } = yield* start
      assert.deepInclude(call, { status: "done", worktreePath: null, worktreeBranch: null, changedFiles: [] })
      assert.strictEqual(git(cwd, "branch", "--list", "owf/*"), "")
      assert.deepStrictEqual(Fs.readdirSync(Path.join(home, "runs", run.id, "worktrees")), [])
    }))

  it.scopedLive("is one of sixteen that change one repository at once, each in its own tree", () =>
    Effect.gen(function*() {
      const cwd = repositoryWith({ "shared.txt": "0\n" })
      const prompts = Array.from({ length: 16 }, (_, n) => `agent ${n}`)
      const { start } = scene(
        (directory, prompt) => {
          write(directory, "shared.txt", `${prompt}\n`)
          write(directory, `${prompt}.txt`, "new\n")
        },
        parallel(prompts.map((prompt) => agent(prompt, { ...isolated, label: prompt }))),
        { cwd }
      )
      const { calls, run } = yield* start
      assert.strictEqual(run.status, "done")
      assert.strictEqual(new Set(calls.map(({ worktreePath }) => worktreePath)).size, 16)
      for (const { changedFiles, headCommit, label } of calls) {
        assert.deepStrictEqual(brief(changedFiles), [`added ${label}.txt`, "modified shared.txt"])
        assert.strictEqual(git(cwd, "show", `${headCommit!}:shared.txt`), label)
      }
      assert.strictEqual(git(cwd, "status", "--porcelain"), "")
    }))

  it.scopedLive("begins from what it is told to begin from", () =>
    Effect.gen(function*() {
      const cwd = repositoryWith({ "a.txt": "old\n" })
      git(cwd, "branch", "old")
      write(cwd, "a.txt", "new\n")
      git(cwd, "commit", "--quiet", "--all", "--message=new")
      write(cwd, "a.txt", "dirty\n")
      const seen: Record<string, string> = {}
      const bases = [undefined, "HEAD", "dirty", "old"] as const
      const { start } = scene(
        (directory, prompt) => {
          seen[prompt] = Fs.readFileSync(Path.join(directory, "a.txt"), "utf8").trim()
        },
        Effect.forEach(bases, (worktreeBase) => agent(String(worktreeBase), { ...isolated, worktreeBase })),
        { cwd }
      )
      yield* start
      assert.deepStrictEqual(seen, { undefined: "new", HEAD: "new", dirty: "dirty", old: "old" })
      assert.strictEqual(Fs.readFileSync(Path.join(cwd, "a.txt"), "utf8"), "dirty\n")
    }))

  it.scopedLive("is not made without a worktree, for whatever reason there is none", () =>
    Effect.gen(function*() {
      const empty = directoryWith({})
      git(empty, "init", "--quiet")
      for (
        const [cwd, options, reason] of [
          [directoryWith({ "a.txt": "a" }), isolated, /no git repository/],
          [empty, isolated, /no commit/],
          [repositoryWith({}), { ...isolated, worktreeBase: "nowhere" }, /nowhere/]
        ] as const
      ) {
        const { requests, start } = scene(() => undefined, agent("work", options), { cwd })
        const { calls: [call], run } = yield* start
        assert.deepInclude(call, { status: "worktree_failed", errorKind: "WorktreeFailed", attempts: 0 })
        assert.match(call!.error ?? "", reason)
        assert.strictEqual(run.status, "failed")
        assert.strictEqual(yield* requests, 0)
      }
    }))

  it.scopedLive("whose tree is gone when its agent is done is not done, and its answer is kept", () =>
    Effect.gen(function*() {
      const cwd = repositoryWith({ "a.txt": "a\n" })
      const { start } = scene(
        (directory) => Fs.rmSync(directory, { recursive: true }),
        Effect.map(settled("work", isolated), (error) => {
          assert.strictEqual("_tag" in error && error._tag, "WorktreeFailed")
          return "result" in error ? error.result.text : null
        }),
        { cwd }
      )
      const { calls: [call], run } = yield* start
      assert.strictEqual(run.outputJson, "\"re: work\"")
      assert.deepInclude(call, { status: "worktree_failed", worktreePath: null, outputText: null })
    }))

  it.scopedLive("that fails or is interrupted keeps what it did until then", () =>
    Effect.gen(function*() {
      const cwd = repositoryWith({ "a.txt": "a\n" })
      const signal = Path.join(directoryWith({}), "begun")
      const { cutAt } = scene(
        (directory) => {
          write(directory, "half.txt", "half\n")
          Fs.writeFileSync(signal, "")
          return Effect.never
        },
        agent("work", isolated),
        { cwd }
      )
      const { calls: [call] } = yield* cutAt(signal)
      assert.strictEqual(call!.status, "cancelled")
      assert.deepStrictEqual(brief(call!.changedFiles), ["added half.txt"])
      assert.strictEqual(git(cwd, "show", `${call!.headCommit!}:half.txt`), "half")
    }))
})

describe("a write scope", () => {
  it.scopedLive("is held by an isolated call, and what it did outside fails it with everything kept", () =>
    Effect.gen(function*() {
      const cwd = repositoryWith({ "src/a.ts": "a\n", "docs/a.md": "a\n", "src/b.ts": "b\n".repeat(20) })
      const inside = { ...isolated, writeScope: ["src/**"] }
      const work = (directory: string, prompt: string): void => {
        write(directory, "src/a.ts", "changed\n")
        if (prompt === "in") return
        write(directory, "docs/a.md", "changed\n")
        Fs.renameSync(Path.join(directory, "src/b.ts"), Path.join(directory, "b.ts"))
        Fs.symlinkSync("/etc/passwd", Path.join(directory, "src/link"))
        Fs.symlinkSync("a.ts", Path.join(directory, "src/inner"))
      }
      let error: AgentResult.Done<string> | AgentError.AgentError | undefined
      const { start } = scene(
        work,
        Effect.zipRight(agent("in", inside), Effect.map(settled("out", inside), (failed) => void (error = failed))),
        { cwd }
      )
      const { calls: [good, bad] } = yield* start
      assert.strictEqual(good!.status, "done")
      assert.deepInclude(bad, { status: "failed", errorKind: "WriteScopeViolated", outputText: null })
      if (error === undefined || !("_tag" in error) || error._tag !== "WriteScopeViolated") throw new Error("no error")
      assert.deepStrictEqual(error.outside.toSorted(), ["b.ts", "docs/a.md", "src/link"])
      assert.include(error.message, "docs/a.md")
      assert.include(error.message, "src/link -> ")
      assert.strictEqual(error.result.text, "re: out")
      assert.include(error.result.patch, "docs/a.md")
      assert.isTrue(Fs.existsSync(bad!.worktreePath!))
    }))

  it.scopedLive("of an empty list lets an isolated call change nothing", () =>
    Effect.gen(function*() {
      const cwd = repositoryWith({ "a.txt": "a\n" })
      const { start } = scene(
        (directory) => write(directory, "a.txt", "b\n"),
        agent("work", { ...isolated, writeScope: [] }),
        { cwd }
      )
      assert.deepInclude((yield* start).calls[0], { status: "failed", errorKind: "WriteScopeViolated" })
    }))

  it.scopedLive("is relative to the directory agents work in, also below the top of the repository", () =>
    Effect.gen(function*() {
      const top = repositoryWith({ "app/src/a.ts": "a\n", "src/a.ts": "a\n" })
      const cwd = Path.join(top, "app")
      for (const options of [{ writeScope: ["src"] }, { ...isolated, writeScope: ["src"] }]) {
        const { start } = scene(
          (directory, prompt) => {
            write(directory, prompt, "changed\n")
          },
          Effect.all([agent("src/a.ts", options), settled("../src/a.ts", options)]),
          { cwd }
        )
        const { calls } = yield* start
        assert.deepStrictEqual(calls.map(({ status }) => status), ["done", "failed"])
        assert.deepStrictEqual(brief(calls[0]!.changedFiles), ["modified app/src/a.ts"])
        git(top, "checkout", "--quiet", ".")
      }
    }))

  it.scopedLive("is held by a call in place, which is not blamed for what was there before", () =>
    Effect.gen(function*() {
      const cwd = repositoryWith({ "src/a.ts": "a\n", "docs/a.md": "a\n" })
      write(cwd, "docs/mine.md", "mine\n")
      const { requests, start } = scene(
        (directory, prompt) => write(directory, prompt, "changed\n"),
        Effect.all([
          agent("src/a.ts", { writeScope: ["src"] }),
          settled("docs/a.md", { writeScope: ["src"] })
        ]),
        { cwd }
      )
      const { calls: [good, bad] } = yield* start
      assert.deepInclude(good, { status: "done", worktreePath: null, cacheStatus: "bypassed" })
      assert.deepStrictEqual(brief(good!.changedFiles), ["modified src/a.ts"])
      assert.deepInclude(bad, { status: "failed", errorKind: "WriteScopeViolated" })
      assert.deepStrictEqual(brief(bad!.changedFiles), ["modified docs/a.md"])
      assert.strictEqual(yield* requests, 2)
    }))

  it.scopedLive("of one call excuses what another saw change at the same time, and of none excuses nobody", () =>
    Effect.gen(function*() {
      const cwd = repositoryWith({ "src/a.ts": "a\n", "docs/a.md": "a\n", "other.txt": "a\n" })
      let met = 0
      // each waits until both are at work, and until both have written
      const meet = (count: number): Effect.Effect<void> =>
        Effect.suspend(() => met >= count ? Effect.void : Effect.zipRight(Effect.sleep(5), meet(count)))
      const { start } = scene(
        (directory, prompt) => {
          met += 1
          return Effect.zipRight(
            meet(2),
            Effect.zipRight(Effect.sync(() => (write(directory, prompt, "changed\n"), met += 1)), meet(4))
          )
        },
        parallel([
          agent("src/a.ts", { writeScope: ["src"] }),
          agent("docs/a.md", { writeScope: ["docs"] })
        ]),
        { cwd }
      )
      const { calls } = yield* start
      assert.deepStrictEqual(calls.map(({ status }) => status), ["done", "done"])
      assert.deepStrictEqual(calls.map(({ changedFiles }) => brief(changedFiles)), [
        ["modified src/a.ts"],
        ["modified docs/a.md"]
      ])

      met = 0
      const both = scene(
        (directory, prompt) => {
          met += 1
          return Effect.zipRight(
            meet(2),
            Effect.zipRight(Effect.sync(() => (write(directory, "other.txt", prompt), met += 1)), meet(4))
          )
        },
        parallel([agent("one", { writeScope: ["src"] }), agent("two", { writeScope: ["docs"] })]),
        { cwd }
      )
      const blamed = (yield* both.start).calls
      assert.deepStrictEqual(blamed.map(({ errorKind }) => errorKind), ["WriteScopeViolated", "WriteScopeViolated"])
    }))

  it.scopedLive("cannot be checked without a repository, which is said once in a run", () =>
    Effect.gen(function*() {
      const cwd = directoryWith({ "src/a.ts": "a\n" })
      const { start } = scene(
        (directory, prompt) => write(directory, prompt, "changed\n"),
        Effect.all([
          agent("src/a.ts", { writeScope: ["src"] }),
          agent("docs/a.md", { writeScope: ["src"] })
        ]),
        { cwd }
      )
      const { calls, warnings } = yield* start
      assert.deepStrictEqual(calls.map(({ status }) => status), ["done", "done"])
      assert.lengthOf(warnings, 1)
      assert.match(warnings[0]!, /not checked: .* no git repository/)
    }))

  it.scopedLive("that a failed call overstepped is said beside its failure", () =>
    Effect.gen(function*() {
      const cwd = repositoryWith({ "a.txt": "a\n" })
      const { start } = scene(
        (directory) => {
          write(directory, "a.txt", "b\n")
          return Effect.die("a bug")
        },
        agent("work", { ...isolated, writeScope: ["src"] }),
        { cwd }
      )
      const { calls: [call], warnings } = yield* start
      assert.deepInclude(call, { status: "failed", errorKind: "Defect" })
      assert.deepStrictEqual(brief(call!.changedFiles), ["modified a.txt"])
      assert.match(warnings.join(), /write scope does not allow: a.txt/)
    }))
})

describe("a call that is only to read", () => {
  it.scopedLive("fails when its agent changed the checkout, and its answer is not shared (PC-20)", () =>
    Effect.gen(function*() {
      const cwd = repositoryWith({ "a.txt": "a\n" })
      const home = directoryWith({})
      const work = (directory: string, prompt: string): void => {
        if (prompt === "meddle") write(directory, "a.txt", "meddled\n")
      }
      const body = Effect.zip(agent("look", { readScope: [] }), settled("meddle", { readScope: [] }))
      const first = scene(work, body, { cwd, home, reads: true })
      const { calls: [look, meddle], warnings } = yield* first.start
      assert.deepInclude(look, { status: "done", cacheStatus: "miss", changedFiles: null })
      assert.deepInclude(meddle, { status: "failed", errorKind: "WriteScopeViolated" })
      assert.deepStrictEqual(brief(meddle!.changedFiles), ["modified a.txt"])
      assert.deepStrictEqual(warnings, [])
      git(cwd, "checkout", "--quiet", "a.txt")
      const again = yield* scene(() => undefined, body, { cwd, home, reads: true }).start
      assert.deepStrictEqual(again.calls.map(({ cacheStatus }) => cacheStatus), ["hit", "miss"])
    }))

  it.scopedLive("is not looked after where its agent has no hands", () =>
    Effect.gen(function*() {
      const cwd = repositoryWith({ "a.txt": "a\n" })
      const { start } = scene((directory) => write(directory, "a.txt", "b\n"), agent("look"), { cwd })
      assert.deepInclude((yield* start).calls[0], { status: "done", changedFiles: null })
    }))
})

describe("a resumed run", () => {
  /** A run whose first call is done and whose second one hangs, cut there. */
  const cut = (options: CallOptions, cwd: string, between: CallOptions | undefined = undefined) =>
    Effect.gen(function*() {
      const signal = Path.join(directoryWith({}), "begun")
      let isHanging = true
      let count = 0
      const cutScene = scene(
        (directory, prompt) => {
          if (prompt !== "hang") return write(directory, "src/a.ts", `${prompt} ${count += 1}\n`)
          Fs.writeFileSync(signal, "")
          return isHanging ? Effect.never : Effect.void
        },
        Effect.gen(function*() {
          const first = yield* agent("work", options)
          if (between !== undefined) yield* agent("more", between)
          yield* agent("hang")
          return [first.cacheStatus, first.changedFiles.length, first.patch?.includes("src/a.ts") ?? null]
        }),
        { cwd }
      )
      const before = yield* cutScene.cutAt(signal)
      isHanging = false
      return { ...cutScene, before }
    })

  it.scopedLive("makes an isolated call again only when what it left does not stand any more", () =>
    Effect.gen(function*() {
      const cwd = repositoryWith({ "src/a.ts": "a\n" })
      const standing = yield* cut(isolated, cwd)
      const replayed = yield* standing.resume()
      assert.strictEqual(replayed.run.outputJson, "[\"replayed\",1,true]")
      assert.strictEqual(yield* standing.requests, 3)
      assert.strictEqual(replayed.calls[0]!.worktreePath, standing.before.calls[0]!.worktreePath)

      const moved = yield* cut(isolated, cwd)
      const { headCommit, worktreeBranch, worktreePath } = moved.before.calls[0]!
      write(worktreePath!, "src/a.ts", "somebody else\n")
      git(worktreePath!, "commit", "--quiet", "--all", "--message=moved on")
      const again = yield* moved.resume()
      assert.strictEqual(again.run.outputJson, "[\"bypassed\",1,true]")
      assert.strictEqual(yield* moved.requests, 4)
      assert.notStrictEqual(again.calls[0]!.worktreePath, worktreePath)
      assert.notStrictEqual(again.calls[0]!.worktreeBranch, worktreeBranch)
      // the old tree and all of its commits are still there
      assert.strictEqual(Fs.readFileSync(Path.join(worktreePath!, "src/a.ts"), "utf8"), "somebody else\n")
      assert.strictEqual(git(cwd, "show", `${headCommit!}:src/a.ts`), "work 1")
      assert.include(again.warnings.join(), worktreePath!)
    }))

  it.scopedLive("makes an isolated call that changed nothing never again", () =>
    Effect.gen(function*() {
      const cwd = repositoryWith({ "src/a.ts": "work 1\n" })
      git(cwd, "checkout", "--quiet", "--detach")
      const { requests, resume } = yield* cut(isolated, cwd)
      assert.strictEqual((yield* resume()).run.outputJson, "[\"replayed\",0,null]")
      assert.strictEqual(yield* requests, 3)
    }))

  it.scopedLive("makes no call in place again whose scope is as it left it, whatever changed elsewhere", () =>
    Effect.gen(function*() {
      const cwd = repositoryWith({ "src/a.ts": "a\n" })
      const standing = yield* cut({ writeScope: ["src"] }, cwd)
      write(cwd, "docs/a.md", "elsewhere\n")
      assert.strictEqual((yield* standing.resume()).run.outputJson, "[\"replayed\",1,true]")
      assert.strictEqual(yield* standing.requests, 3)
    }))

  it.scopedLive("makes a call in place again whose files somebody changed", () =>
    Effect.gen(function*() {
      const cwd = repositoryWith({ "src/a.ts": "a\n" })
      const { requests, resume } = yield* cut({ writeScope: ["src"] }, cwd)
      write(cwd, "src/b.ts", "somebody else\n")
      assert.strictEqual((yield* resume()).run.outputJson, "[\"bypassed\",1,true]")
      assert.strictEqual(yield* requests, 4)
    }))

  it.scopedLive("makes no call in place again whose files a later call of the run changed", () =>
    Effect.gen(function*() {
      const cwd = repositoryWith({ "src/a.ts": "a\n" })
      const scope = { writeScope: ["src"] }
      const { requests, resume } = yield* cut(scope, cwd, scope)
      assert.strictEqual((yield* resume()).run.outputJson, "[\"replayed\",1,true]")
      assert.strictEqual(yield* requests, 4)
      assert.strictEqual(Fs.readFileSync(Path.join(cwd, "src/a.ts"), "utf8"), "more 2\n")
    }))

  it.scopedLive("replays calls in place without a repository too", () =>
    Effect.gen(function*() {
      const { requests, resume } = yield* cut({ writeScope: ["src"] }, directoryWith({ "src/a.ts": "a\n" }))
      assert.strictEqual((yield* resume()).run.outputJson, "[\"replayed\",0,null]")
      assert.strictEqual(yield* requests, 3)
    }))

  it.scopedLive("makes them all again when it is told to, and keeps the old trees", () =>
    Effect.gen(function*() {
      const cwd = repositoryWith({ "src/a.ts": "a\n" })
      const { before, requests, resume } = yield* cut(isolated, cwd)
      const again = yield* resume({ rerunMutating: true })
      assert.strictEqual(again.run.outputJson, "[\"bypassed\",1,true]")
      assert.strictEqual(yield* requests, 4)
      assert.isTrue(Fs.existsSync(before.calls[0]!.worktreePath!))
      assert.notStrictEqual(again.calls[0]!.worktreePath, before.calls[0]!.worktreePath)
    }))
})

describe("without worktrees", () => {
  it.scopedLive("a call in place is made, said to be unchecked, and made again when the run is resumed", () =>
    Effect.gen(function*() {
      const cwd = repositoryWith({ "src/a.ts": "a\n" })
      const provider = Scripted.make(() => Scripted.answer("ok"))
      const workflow = Workflow.make(
        { name: "test" },
        () =>
          Effect.zipRight(agent("work", { writeScope: ["src"] }), settled("late", isolated)).pipe(
            Effect.zipRight(Effect.fail("stop"))
          )
      )
      const requests = yield* Effect.gen(function*() {
        const store = yield* RunStore.RunStore
        yield* Workflow.start(workflow, {})
        const run = yield* store.run("latest")
        yield* Workflow.resume(workflow, run)
        const [work, late] = yield* store.calls(run.id)
        assert.strictEqual(work!.status, "done")
        assert.strictEqual(late!.status, "worktree_failed")
        assert.isTrue(Option.isSome(yield* store.call(work!.id)))
        return yield* provider.requests
      }).pipe(Effect.provide(Owf.layerWith(Worktree.layerUnavailable, {
        home: directoryWith({}),
        cwd,
        provider: provider.name,
        providers: [provider],
        environment: {}
      })))
      assert.lengthOf(requests, 2)
    }))
})
