/**
 * One measured scenario in a process of its own: `Scenario.js <name> <calls> <concurrency> <home>` prints one JSON line.
 *
 * The raw rate of the machine (better-sqlite3 with the same durability) is measured right before and right after, in the
 * same directory, because a shared disk changes its speed from minute to minute.
 */
import Database from "better-sqlite3"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { agent, Owf, parallel, RunStore, Workflow } from "open-agent-workflows"
import type { Raw, Result } from "./Report.ts"

const [name = "fan-out", callsText = "200", concurrencyText = "64", home = "."] = process.argv.slice(2)
const calls = Number(callsText)
const concurrency = Number(concurrencyText)

const Args = Schema.Struct({ calls: Schema.Number, concurrency: Schema.Number })

const fanOut = Workflow.make({ name: "fan-out", args: Args }, ({ calls, concurrency }) =>
  Effect.map(
    parallel(
      Array.from({ length: calls }, (_, index) =>
        agent(`Summarise item number ${index} of the list.`, { label: `${index}` })),
      { concurrency }
    ),
    (results) =>
      results.filter((result) => result.ok).length
  ))

const chain = Workflow.make({ name: "chain", args: Args }, function*({ calls }) {
  let text = ""
  for (let index = 0; index < calls; index++) text = (yield* agent(`Step ${index} after ${text.length}.`)).text
  return calls
})

const body = "x".repeat(300)

/** Transactions per second of one inserted row each, and rows per second of 64 in a transaction. */
const raw = (): Raw => {
  const database = new Database(Path.join(home, `raw-${process.pid}-${Math.random()}.sqlite`))
  database.pragma("journal_mode = WAL")
  database.pragma("synchronous = FULL")
  database.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT) STRICT")
  const insert = database.prepare("INSERT INTO t (body) VALUES (?)")
  const group = database.transaction(() => {
    for (let row = 0; row < 64; row++) insert.run(body)
  })
  const alone = rate(400, () => insert.run(body))
  const grouped = rate(60, group) * 64
  database.close()
  return { alone, grouped }
}

const rate = (times: number, run: () => unknown): number => {
  const start = performance.now()
  for (let time = 0; time < times; time++) run()
  return times / (performance.now() - start) * 1000
}

const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const start = performance.now()
    const value = yield* effect
    return { value, ms: performance.now() - start }
  })

const sizeOf = (path: string): number => {
  const stat = Fs.statSync(path)
  if (!stat.isDirectory()) return stat.size
  return Fs.readdirSync(path).reduce((sum, entry) => sum + sizeOf(Path.join(path, entry)), 0)
}

/** What a process pays once, such as compiling what it runs often, is paid before anything is measured. */
const warmUp = Effect.gen(function*() {
  yield* Workflow.start(fanOut, { calls: 500, concurrency })
  yield* Workflow.start(chain, { calls: 50, concurrency })
}).pipe(Effect.provide(Owf.layer({ home: Path.join(home, "warm"), environment: {} })))

await Effect.runPromise(warmUp)
const before = raw()
let end = 0
const measured = await Effect.runPromise(
  Effect.gen(function*() {
    const workflow = name === "chain" ? chain : fanOut
    const live = yield* timed(Workflow.start(workflow, { calls, concurrency }))
    if (live.value.outputJson !== `${calls}`) return yield* Effect.dieMessage(`${name} gave ${live.value.outputJson}`)
    const peak = process.resourceUsage().maxRSS / 1024
    if (name !== "replay") {
      end = performance.now()
      return { ms: live.ms, liveMs: live.ms, peak }
    }
    const store = yield* RunStore.RunStore
    const run = yield* store.run(live.value.runId)
    const replayed = yield* timed(Workflow.resume(workflow, run))
    end = performance.now()
    return { ms: replayed.ms, liveMs: live.ms, peak }
  }).pipe(Effect.provide(Owf.layer({ home: Path.join(home, "home"), environment: {} })))
)
const filesMs = performance.now() - end
const after = raw()

const result: Result = {
  name,
  calls,
  concurrency,
  ms: measured.ms,
  liveMs: measured.liveMs,
  filesMs,
  peakMb: measured.peak,
  databaseBytes: sizeOf(Path.join(home, "home", "workflow.sqlite")),
  directoryBytes: sizeOf(Path.join(home, "home", "runs")),
  raw: { alone: (before.alone + after.alone) / 2, grouped: (before.grouped + after.grouped) / 2 }
}
process.stdout.write(`${JSON.stringify(result)}\n`)
