import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { ChildProcessWithoutNullStreams } from "node:child_process"
import { spawn } from "node:child_process"
import * as Path from "node:path"
import { callId } from "open-agent-workflows/domain/Ids"
import type { RunId } from "open-agent-workflows/domain/Ids"
import * as ProcessOwner from "open-agent-workflows/node/ProcessOwner"
import { RunStore } from "open-agent-workflows/store/RunStore"
import * as SqlRunStore from "open-agent-workflows/store/SqlRunStore"
import { root } from "../lib/node.ts"
import Database from "../lib/sqlite.ts"
import { temporary } from "../lib/store.ts"

const runId = (n: number) => `20260528-143201-${String(n).padStart(12, "0")}` as RunId

class Worker {
  output = ""
  errors = ""
  private waiting: ReadonlyArray<() => void> = []
  private readonly child: ChildProcessWithoutNullStreams
  readonly ended: Promise<void>
  constructor(home: string, task: string, parameter: string) {
    const fixture = Path.join(root, "test/fixtures/store/worker.mjs")
    const child = spawn(process.execPath, [fixture, home, task, parameter])
    this.child = child
    const seen = () => {
      for (const wake of this.waiting) wake()
    }
    child.stdin.on("error", () => {})
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.output += text
      seen()
    })
    child.stderr.setEncoding("utf8").on("data", (text: string) => (this.errors += text))
    this.ended = new Promise((resolve) =>
      child.once("close", () => {
        resolve()
        seen()
      })
    )
  }
  get pid(): number {
    return this.child.pid ?? 0
  }
  get lines(): ReadonlyArray<string> {
    return this.output.split("\n").slice(0, -1)
  }
  go(): void {
    this.child.stdin.end("go\n")
  }
  kill(signal: NodeJS.Signals = "SIGKILL"): void {
    this.child.kill(signal)
  }
  /** Waits until the output has a number of lines. */
  async hasLines(count: number): Promise<void> {
    while (this.lines.length < count) {
      if (this.child.exitCode !== null || this.child.signalCode !== null) throw new Error(`ended: ${this.errors}`)
      // oxlint-disable-next-line no-loop-func
      await new Promise<void>((resolve) => (this.waiting = [...this.waiting, resolve]))
    }
  }
  get result(): Promise<Record<string, unknown>> {
    return this.ended.then(() => {
      const line = this.lines.at(-1) ?? ""
      if (!line.startsWith("{")) throw new Error(`no result: ${this.output} ${this.errors}`)
      return JSON.parse(line) as Record<string, unknown>
    })
  }
}

const worker = (home: string, task: string, parameter = ""): Effect.Effect<Worker, never, Scope.Scope> =>
  Effect.acquireRelease(Effect.sync(() => new Worker(home, task, parameter)), (worker) =>
    Effect.promise(() => {
      worker.kill()
      return worker.ended
    }))

const workers = (home: string, count: number, task: string) =>
  Effect.forEach(Array.from({ length: count }, (_, i) => i + 1), (n) => worker(home, task, String(n)))

const started = (all: ReadonlyArray<Worker>) =>
  Effect.promise(async () => {
    await Promise.all(all.map((worker) => worker.hasLines(1)))
    for (const worker of all) worker.go()
    return Promise.all(all.map((worker) => worker.result))
  })

const store = (home: string) =>
  Effect.map(
    Layer.build(Layer.provide(SqlRunStore.layer({ home, mode: "write" }), ProcessOwner.layer)),
    Context.get(RunStore)
  )

const assertSound = (home: string) => {
  const database = new Database(Path.join(home, "workflow.sqlite"))
  assert.strictEqual(database.pragma("integrity_check", { simple: true }), "ok")
  assert.deepStrictEqual(database.pragma("foreign_key_check"), [])
  database.close()
}

describe("processes on one home", () => {
  it.scopedLive("open a new one at once, 32 of them", () =>
    Effect.gen(function*() {
      const home = Path.join(yield* temporary, "home")
      for (const result of yield* started(yield* workers(home, 32, "open"))) assert.deepStrictEqual(result, { runs: 0 })
      assertSound(home)
    }), 120_000)

  it.scopedLive("write runs side by side and do not hold each other's event loop", () =>
    Effect.gen(function*() {
      const home = yield* temporary
      const results = yield* started(yield* workers(home, 4, "share"))
      const all = yield* store(home)
      assert.deepStrictEqual((yield* all.runs({})).map(({ status }) => status), Array(40).fill("done"))
      // SQLite's own wait is 100 ms; the rest is other processes on the same cores
      for (const { longest } of results) assert.isBelow(Number(longest), 1000)
      assertSound(home)
    }), 120_000)

  it.scopedLive(
    "share what a provider may be asked per minute: six at once, then one a second",
    () =>
      Effect.gen(function*() {
        const home = yield* temporary
        const results = yield* started(yield* workers(home, 2, "room"))
        const times = results.flatMap(({ times }) => times as ReadonlyArray<number>).toSorted((a, b) => a - b)
        assert.lengthOf(times, 10)
        const passed = times.map((at) => at - times[0]!)
        // the n-th goes no sooner than there is room for it, and not much later on a busy machine
        for (const [index, after] of passed.entries()) assert.isAtLeast(after, Math.max(0, index - 5) * 1000)
        assert.isBelow(passed[9]!, 8000)
      }),
    60_000
  )

  it.scopedLive(
    "that take up the same interrupted run are one owner and seven who are told",
    () =>
      Effect.gen(function*() {
        const home = yield* temporary
        const owner = yield* worker(home, "own", "1")
        yield* Effect.promise(() => owner.hasLines(1))
        owner.kill()
        yield* Effect.promise(() => owner.ended)
        const all = yield* workers(home, 8, "acquire")
        const results = yield* started(all)
        const winners = results.flatMap((result, i) => result["attempt"] === 2 ? [all[i]!] : [])
        assert.lengthOf(winners, 1)
        for (const result of results.filter(({ attempt }) => attempt === undefined)) {
          assert.deepInclude(result, { error: "RunOwned", pid: winners[0]!.pid })
        }
      }),
    120_000
  )

  it.scopedLive(
    "lose nothing that was acknowledged when they are killed, again and again",
    () =>
      Effect.gen(function*() {
        const home = yield* temporary
        const acknowledged = new Set<number>()
        for (let round = 0; round < 5; round++) {
          const writer = yield* worker(home, "write", "1")
          yield* Effect.promise(() => writer.hasLines(40 + round * 60))
          writer.kill()
          yield* Effect.promise(() => writer.ended)
          for (const line of writer.lines) acknowledged.add(Number(line))
        }
        const reading = yield* store(home)
        const calls = new Map((yield* reading.calls(runId(1))).map((call) => [call.index, call]))
        for (const index of acknowledged) assert.strictEqual(calls.get(index)?.outputText, `answer ${index}`)
        assert.strictEqual((yield* reading.run(runId(1))).status, "interrupted")
        // never half a call
        const files = new Map<string | null, number>()
        for (const { callId } of yield* reading.artifacts(runId(1))) files.set(callId, (files.get(callId) ?? 0) + 1)
        for (const index of calls.keys()) assert.strictEqual(files.get(callId(runId(1), index)), 2)
        assertSound(home)
      }),
    120_000
  )

  it.scopedLive("whose id was given to another process are dead", () =>
    Effect.gen(function*() {
      const home = yield* temporary
      const owner = yield* worker(home, "own", "1")
      yield* Effect.promise(() => owner.hasLines(1))
      const reading = yield* store(home)
      assert.strictEqual((yield* reading.run(runId(1))).status, "running")
      const error = yield* Effect.flip(reading.acquire(runId(1), { at: Date.now() }))
      assert.deepInclude(error, { _tag: "RunOwned", pid: owner.pid })
      const database = new Database(Path.join(home, "workflow.sqlite"))
      database.exec("UPDATE leases SET started_at = '1'")
      database.close()
      assert.strictEqual((yield* reading.run(runId(1))).status, "interrupted")
      assert.strictEqual((yield* reading.acquire(runId(1), { at: Date.now() })).run.attempt, 2)
    }), 60_000)

  it.scopedLive("of another system are not taken for dead before their heartbeat is old", () =>
    Effect.gen(function*() {
      const home = yield* temporary
      const owner = yield* worker(home, "own", "1")
      yield* Effect.promise(() => owner.hasLines(1))
      owner.kill()
      yield* Effect.promise(() => owner.ended)
      const database = new Database(Path.join(home, "workflow.sqlite"))
      database.exec("UPDATE leases SET system = 'another boot:another namespace'")
      const reading = yield* store(home)
      assert.strictEqual((yield* reading.run(runId(1))).status, "running")
      assert.strictEqual((yield* Effect.flip(reading.acquire(runId(1), { at: Date.now() })))._tag, "RunOwned")
      database.exec("UPDATE leases SET heartbeat_at = heartbeat_at - 31000")
      database.close()
      assert.strictEqual((yield* reading.run(runId(1))).status, "interrupted")
      yield* reading.acquire(runId(1), { at: Date.now() })
    }), 60_000)

  it.scopedLive("renew what they own every five seconds", () =>
    Effect.gen(function*() {
      const home = yield* temporary
      const owner = yield* worker(home, "own", "1")
      yield* Effect.promise(() => owner.hasLines(1))
      const database = new Database(Path.join(home, "workflow.sqlite"))
      const heartbeat = () => Number(database.prepare("SELECT heartbeat_at FROM leases").pluck().get())
      const before = heartbeat()
      yield* Effect.sleep("5500 millis")
      assert.isAtLeast(heartbeat(), before + 4000)
      database.close()
    }), 60_000)
})
