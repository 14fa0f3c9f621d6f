import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import { spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { callId } from "open-agent-workflows/domain/Ids"
import * as ProcessOwner from "open-agent-workflows/node/ProcessOwner"
import * as RunFilesNode from "open-agent-workflows/node/RunFilesNode"
import { FailPoint } from "open-agent-workflows/store/FailPoint"
import { RunFiles } from "open-agent-workflows/store/RunFiles"
import { RunStore } from "open-agent-workflows/store/RunStore"
import * as SqlRunStore from "open-agent-workflows/store/SqlRunStore"
import { hex } from "../../src/internal/sha256.ts"
import { answered, ended, finished, newAttempt, newCall, newRun, outcome, runId, temporary } from "../lib/store.ts"

const id = runId(1)

const world = (hit: FailPoint["Type"]["hit"] = () => {}) =>
  Effect.gen(function*() {
    const home = Path.join(yield* temporary, "home")
    const layer = RunFilesNode.layer({ home }).pipe(
      Layer.provideMerge(SqlRunStore.layer({ home, mode: "write" })),
      Layer.provide(ProcessOwner.layer),
      Layer.provide(Layer.succeedContext(FailPoint.context({ hit })))
    )
    const context = yield* Layer.build(layer)
    const store = Context.get(context, RunStore)
    const files = Context.get(context, RunFiles)
    const { ownership } = yield* store.create(newRun(id, { argsJson: "{\"n\":1}", scriptPath: "/w.ts" }), null)
    const answer = (index: number, changes: Parameters<typeof answered>[4] = {}) =>
      answered(store, ownership, id, index, changes)
    const read = (...path: ReadonlyArray<string>) => Fs.readFileSync(Path.join(files.directory(id), ...path), "utf8")
    return { home, store, files, ownership, answer, read }
  })

/** Names of all files below a directory. */
const tree = (directory: string) =>
  Fs.readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((name) => Fs.lstatSync(Path.join(directory, name)).isFile()).toSorted()

const call = (index: number) => `calls/${callId(id, index)}`

const soon = (condition: () => boolean) =>
  Effect.promise(async () => {
    for (let tries = 0; tries < 500 && !condition(); tries++) await new Promise((resolve) => setTimeout(resolve, 10))
  })

describe("the directory of a run", () => {
  it.scoped("follows the run, and is complete when the run is", () =>
    Effect.gen(function*() {
      const { answer, files, home, ownership, read, store } = yield* world()
      assert.strictEqual(files.directory(id), Path.join(home, "runs", id))
      assert.strictEqual(files.callDirectory(callId(id, 7)), Path.join(home, "runs", id, call(7)))
      yield* Effect.scoped(Effect.gen(function*() {
        yield* files.follow(id)
        assert.deepStrictEqual(tree(files.directory(id)), ["manifest.json", "summary.md"])
        yield* answer(1)
        yield* soon(() => Fs.existsSync(files.callDirectory(callId(id, 1))))
        assert.strictEqual(read(call(1), "output.txt"), "answer 1")
        yield* answer(2, { outcome: { outputText: null, outputJson: "{\"a\":[1,2]}" } })
        yield* store.finish(ownership, finished(id, { outputJson: "{\"a\":1}" }))
      }))
      assert.deepStrictEqual(tree(files.directory(id)), [
        `${call(1)}/output.txt`,
        `${call(1)}/prompt.txt`,
        `${call(2)}/output.json`,
        `${call(2)}/prompt.txt`,
        "manifest.json",
        "output.json",
        "summary.md"
      ])
      assert.strictEqual(read("output.json"), "{\"a\":1}\n")
      assert.strictEqual(read(call(2), "output.json"), "{\"a\":[1,2]}")
      const manifest = JSON.parse(read("manifest.json")) as Record<string, unknown>
      assert.deepInclude(manifest, { run_id: id, script_path: "/w.ts" })
      assert.deepStrictEqual(manifest["args"], { n: 1 })
      assert.include(read("summary.md"), "- Status: done")
    }))

  it.scoped("holds the files the store lists, with their digests and sizes", () =>
    Effect.gen(function*() {
      const { answer, files, ownership, store } = yield* world()
      yield* answer(1)
      const raw = "half an answer é"
      const error = "not what was asked for"
      yield* store.begin(ownership, newCall(id, 2), newAttempt(id, 2))
      const failed = outcome(id, 2, { status: "schema_failed", outputText: null, error })
      yield* store.settle(ownership, ended(id, 2, { raw }), {
        ...failed,
        artifacts: [...failed.artifacts, { kind: "raw", sha256: hex(raw), sizeBytes: Buffer.byteLength(raw) }]
      })
      yield* files.flush(id)
      const artifacts = yield* store.artifacts(id)
      assert.lengthOf(artifacts, 5)
      for (const { path, sha256, sizeBytes } of artifacts) {
        const text = Fs.readFileSync(Path.join(files.directory(id), path), "utf8")
        assert.strictEqual(hex(text), sha256)
        assert.strictEqual(Buffer.byteLength(text), sizeBytes)
      }
    }))

  it.scoped("is for this user alone", () =>
    Effect.gen(function*() {
      const { answer, files } = yield* world()
      yield* answer(1)
      yield* files.flush(id)
      const modes = new Set<string>()
      for (const name of ["", ...Fs.readdirSync(files.directory(id), { recursive: true, encoding: "utf8" })]) {
        const found = Fs.statSync(Path.join(files.directory(id), name))
        modes.add(`${found.isDirectory() ? "directory" : "file"} ${(found.mode & 0o777).toString(8)}`)
      }
      assert.deepStrictEqual([...modes].toSorted(), ["directory 700", "file 600"])
    }))

  it.scoped("is written again from the store when it is gone or was changed", () =>
    Effect.gen(function*() {
      const { answer, files, read } = yield* world()
      for (const index of [1, 2, 3, 4, 5]) yield* answer(index)
      yield* files.flush(id)
      const before = tree(files.directory(id)).map((name) => [name, read(name)])
      Fs.rmSync(files.callDirectory(callId(id, 1)), { recursive: true })
      Fs.writeFileSync(Path.join(files.callDirectory(callId(id, 2)), "output.txt"), "Answer 2")
      Fs.rmSync(Path.join(files.callDirectory(callId(id, 3)), "output.txt"))
      Fs.writeFileSync(Path.join(files.callDirectory(callId(id, 4)), "added.txt"), "")
      Fs.rmSync(files.callDirectory(callId(id, 5)), { recursive: true })
      Fs.writeFileSync(files.callDirectory(callId(id, 5)), "a file")
      Fs.rmSync(Path.join(files.directory(id), "manifest.json"))
      Fs.mkdirSync(Path.join(files.directory(id), "manifest.json"))
      yield* files.flush(id)
      assert.deepStrictEqual(tree(files.directory(id)).map((name) => [name, read(name)]), before)
    }))

  it.scoped("is not written through links or pipes that stand in its place", () =>
    Effect.gen(function*() {
      const { answer, files, home, read } = yield* world()
      for (const index of [1, 2, 3]) yield* answer(index)
      yield* files.flush(id)
      const outside = Path.join(home, "outside")
      Fs.mkdirSync(outside)
      Fs.writeFileSync(Path.join(outside, "file"), "untouched")
      const replaced = Path.join(files.callDirectory(callId(id, 1)), "output.txt")
      Fs.rmSync(replaced)
      Fs.symlinkSync(Path.join(outside, "file"), replaced)
      Fs.rmSync(files.callDirectory(callId(id, 2)), { recursive: true })
      Fs.symlinkSync(outside, files.callDirectory(callId(id, 2)))
      const pipe = Path.join(files.callDirectory(callId(id, 3)), "output.txt")
      Fs.rmSync(pipe)
      spawnSync("mkfifo", [pipe])
      yield* files.flush(id)
      assert.deepStrictEqual(tree(outside), ["file"])
      assert.strictEqual(Fs.readFileSync(Path.join(outside, "file"), "utf8"), "untouched")
      for (const index of [1, 2, 3]) assert.strictEqual(read(call(index), "output.txt"), `answer ${index}`)
    }))

  it.scoped("is not written, nor swept, where it is a link itself (F4)", () =>
    Effect.gen(function*() {
      const { answer, files, home } = yield* world()
      yield* answer(1)
      yield* files.flush(id)
      assert.strictEqual(yield* files.own(id), files.directory(id))
      const outside = Path.join(home, "outside")
      Fs.mkdirSync(Path.join(outside, "calls"), { recursive: true })
      Fs.writeFileSync(Path.join(outside, "manifest.json"), "theirs")
      Fs.writeFileSync(Path.join(outside, ".manifest.json.999999999.tmp"), "theirs")
      const before = tree(outside)
      for (const [name, target] of [["", outside], ["calls", Path.join(outside, "calls")]] as const) {
        const directory = Path.join(files.directory(id), name)
        Fs.rmSync(directory, { recursive: true })
        Fs.symlinkSync(target, directory)
        for (const refused of [files.flush(id), files.own(id)]) {
          const error = yield* Effect.flip(refused)
          assert.deepInclude(error, { _tag: "StoreError", reason: "NotADirectory" })
          assert.include(error.message, `${Path.resolve(directory)} is a link`)
        }
        yield* Effect.scoped(files.follow(id)).pipe(Logger.withMinimumLogLevel(LogLevel.None))
        assert.deepStrictEqual(tree(outside), before)
        assert.strictEqual(Fs.readFileSync(Path.join(outside, "manifest.json"), "utf8"), "theirs")
        Fs.rmSync(directory)
        yield* files.flush(id)
      }
    }))

  it.scoped("loses what an interrupted writer left, but not what a living one writes", () =>
    Effect.gen(function*() {
      const { answer, files } = yield* world()
      yield* answer(1)
      yield* files.flush(id)
      const { pid } = spawnSync("true")
      const left = Path.join(files.directory(id), "calls", `.${callId(id, 9)}.${pid}.tmp`)
      const ours = Path.join(files.directory(id), `.output.json.${process.pid}.tmp`)
      const living = Path.join(files.directory(id), "calls", `.${callId(id, 9)}.1.tmp`)
      Fs.mkdirSync(left)
      Fs.mkdirSync(living)
      Fs.writeFileSync(ours, "{")
      yield* files.flush(id)
      assert.deepStrictEqual([left, ours, living].map((path) => Fs.existsSync(path)), [false, false, true])
    }))

  it.scoped("shows a call that was made again as it ended the last time", () =>
    Effect.gen(function*() {
      const { files, ownership, read, store } = yield* world()
      yield* store.begin(ownership, newCall(id, 1), newAttempt(id, 1))
      yield* store.settle(
        ownership,
        ended(id, 1),
        outcome(id, 1, { status: "failed", error: "no", outputText: null })
      )
      yield* files.flush(id)
      assert.strictEqual(read(call(1), "error.txt"), "no")
      yield* store.begin(ownership, newCall(id, 1, { replaces: true }), newAttempt(id, 1, { attempt: 2 }))
      yield* files.flush(id)
      yield* store.settle(ownership, ended(id, 1, { attempt: 2 }), outcome(id, 1))
      yield* Effect.scoped(files.follow(id))
      assert.deepStrictEqual(tree(files.callDirectory(callId(id, 1))), ["output.txt", "prompt.txt"])
    }))

  it.scoped("cannot be misled by texts with line ends", () =>
    Effect.gen(function*() {
      const { files, store } = yield* world()
      const other = runId(2)
      yield* store.create(newRun(other, { workflowName: "name\n- Status: done\n# Title" }), null)
      yield* files.flush(other)
      const summary = Fs.readFileSync(Path.join(files.directory(other), "summary.md"), "utf8")
      assert.strictEqual(summary.split("\n")[0], "# name - Status: done # Title")
    }))
})

describe("a run", () => {
  it.scoped("does not depend on its files (F1)", () =>
    Effect.gen(function*() {
      const { answer, files, home, ownership, store } = yield* world()
      Fs.writeFileSync(Path.join(home, "runs"), "in the way")
      const messages: Array<unknown> = []
      const logger = Logger.make(({ message }) => messages.push(message))
      yield* Effect.scoped(Effect.zipRight(files.follow(id), answer(1))).pipe(
        Effect.provide(Logger.replace(Logger.defaultLogger, logger))
      )
      yield* store.finish(ownership, finished(id))
      assert.strictEqual((yield* store.run(id)).status, "done")
      const error = yield* Effect.flip(files.flush(id))
      assert.deepInclude(error, { _tag: "StoreError", reason: "NotADirectory" })
      Fs.rmSync(Path.join(home, "runs"))
      yield* files.flush(id)
      assert.lengthOf(tree(files.directory(id)), 4)
    }))

  it.scoped("of ten thousand calls has its files without stopping everything else", () =>
    Effect.gen(function*() {
      const { files, ownership, store } = yield* world()
      yield* Effect.forEach(Array.from({ length: 10_000 }, (_, i) => i + 1), (index) =>
        store.record(ownership, newCall(id, index), outcome(id, index), null), { concurrency: 256, discard: true })
      let longest = 0
      let last = performance.now()
      const timer = setInterval(() => {
        longest = Math.max(longest, performance.now() - last)
        last = performance.now()
      }, 5)
      yield* files.flush(id)
      clearInterval(timer)
      assert.lengthOf(Fs.readdirSync(Path.join(files.directory(id), "calls")), 10_000)
      // a batch is a few milliseconds; a busy machine may add to it
      assert.isBelow(longest, 500)
    }), 120_000)
})

describe("a writer of files that is cut off", () => {
  for (const step of ["files.call", "files.run"] as const) {
    for (const moment of ["before", "after"] as const) {
      it.scoped(`${moment} ${step} leaves whole files and can go on`, () =>
        Effect.gen(function*() {
          let armed = false
          const { answer, files, ownership, store } = yield* world((at, when) => {
            if (armed && at === step && when === moment) throw new Error("cut off")
          })
          yield* answer(1)
          yield* answer(2)
          yield* store.finish(ownership, finished(id, { outputJson: "1" }))
          armed = true
          const exit = yield* Effect.exit(files.flush(id))
          assert.isTrue(Exit.isFailure(exit) && exit.cause._tag === "Die")
          for (const name of tree(files.directory(id))) {
            if (name.includes(".tmp")) continue
            assert.isAbove(Fs.statSync(Path.join(files.directory(id), name)).size, 0)
          }
          armed = false
          yield* files.flush(id)
          assert.lengthOf(tree(files.directory(id)), 7)
        }))
    }
  }
})
