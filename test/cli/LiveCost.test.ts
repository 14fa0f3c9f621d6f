import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { agent, Engine, OwfTest, parallel, phase, Workflow } from "open-agent-workflows"
import * as LineText from "../../src/cli/live/Line.ts"
import * as Live from "../../src/cli/live/Live.ts"
import { Painter } from "../../src/cli/live/Painter.ts"
import type { Drawing, Screen } from "../../src/cli/live/Screen.ts"
import type { Signal } from "../../src/cli/live/Signal.ts"
import { State } from "../../src/cli/live/State.ts"
import * as Progress from "../../src/cli/Progress.ts"
import type { RunId } from "../../src/domain/Ids.ts"
import { callId } from "../../src/domain/Ids.ts"
import { runId } from "../lib/store.ts"

const calls = 10_000

const large = Workflow.make({ name: "large" }, function*() {
  yield* phase("all")
  const items = Array.from({ length: calls }, (_, index) => agent(`Item ${index}`, { label: `item ${index}` }))
  return (yield* parallel(items, { concurrency: 64 })).length
})

/** Microseconds of processor time this process has used, all threads of it together. */
const used = (): number => {
  const { system, user } = process.cpuUsage()
  return user + system
}

/** What a run tells, and the processor time it takes. */
const recorded = Effect.gen(function*() {
  const signals: Array<Signal> = []
  const engine = Progress.observe(yield* Engine.Engine, {
    starting: Effect.void,
    started: () => {},
    signal: (signal) => void signals.push(signal),
    stop: Effect.never
  })
  const from = used()
  yield* Effect.provideService(Workflow.start(large, undefined), Engine.Engine, engine)
  return { signals, cost: used() - from }
})

/** Shows a run as a terminal would, but for the writing: a frame after every so many signals. */
const draw = (signals: ReadonlyArray<Signal>, frames: number): number => {
  let drawing: Drawing | undefined
  const screen: Screen = {
    show: (shown) => {
      drawing = shown
      return { changed: () => {}, close: () => {} }
    }
  }
  const live = Live.make({ screen, line: () => {}, budget: () => ({ tokens: { spent: 1, limit: 2 }, costUsd: null }) })
  const painter = new Painter()
  const write = (columns: number) => (line: LineText.Line) => LineText.write(line, columns, true)
  const from = used()
  let frame = 0
  let length = 0
  for (const [index, signal] of signals.entries()) {
    live.signal(signal)
    if (index % Math.ceil(signals.length / frames) > 0) continue
    const above = drawing?.above().map(write(Infinity)).join("\n") ?? ""
    const lines = drawing?.region({ columns: 119, rows: 40, now: frame * 100, frame: frame++, offset: 60 }) ?? []
    length += painter.paint(lines.map(write(119)), above).length
  }
  const cost = used() - from
  assert.isAbove(length, frames * 100)
  return cost
}

/** Shows a run line by line, but for the writing. */
const list = (signals: ReadonlyArray<Signal>): number => {
  let length = 0
  const live = Live.make({ screen: undefined, line: (text) => length += text.length, budget: () => undefined })
  const from = used()
  for (const signal of signals) live.signal(signal)
  const cost = used() - from
  assert.isAbove(length, calls * 20)
  return cost
}

/** How many objects can be reached from one. */
const reached = (from: object): number => {
  const seen = new Set<object>()
  const look = (value: unknown): void => {
    if (typeof value !== "object" || value === null || seen.has(value)) return
    seen.add(value)
    const parts: Iterable<unknown> = value instanceof Map ? [...value.keys(), ...value.values()] : Object.values(value)
    for (const part of parts) look(part)
  }
  look(from)
  return seen.size
}

describe("showing a run of 10,000 calls", () => {
  it.scopedLive(
    "takes less than a fiftieth of the processor time of the run, on a screen and line by line",
    () =>
      Effect.gen(function*() {
        const { cost, signals } = yield* recorded
        assert.strictEqual(signals.filter(({ _tag }) => _tag === "CallEnded").length, calls)
        // the least of some: what else this process does meanwhile, like collecting what the run left, counts in as well
        const least = (show: () => number) => Math.min(...[1, 2, 3, 4].map(show))
        // ten frames a second, if the run has the processor for itself
        const drawn = least(() => draw(signals, Math.ceil(cost / 100_000)))
        const listed = least(() => list(signals))
        assert.isBelow(drawn / cost, 0.02, `${drawn} of ${cost} microseconds on a screen`)
        assert.isBelow(listed / cost, 0.02, `${listed} of ${cost} microseconds line by line`)
      }).pipe(Effect.provide(OwfTest.layer())),
    60_000
  )

  it("keeps none of the calls, nor of their child runs, once they have ended", () => {
    const tell = (state: State, run: RunId, index: number): void => {
      const id = callId(run, index)
      const call = { callId: id, runId: run, label: `call ${index}`, phase: "all", provider: "fake", model: "fake" }
      state.apply({ _tag: "RunBegan", runId: run, workflow: "child", depth: 1, attempt: 1, at: 0 })
      state.apply({ _tag: "Placed", callId: id, call, at: 0 })
      state.apply({ _tag: "Asked", callId: id, attempt: 1, at: 0 })
      const used = { tokens: 1, costUsd: 0 }
      const ended = { call, cacheStatus: "miss", used, durationMs: 1, at: 0 } as const
      state.apply({ _tag: "CallEnded", ...ended, status: "done", error: null })
      state.apply({ _tag: "RunEnded", runId: run, status: "done", at: 0 })
    }
    const sizeAfter = (count: number): number => {
      const state = new State()
      state.apply({ _tag: "RunBegan", runId: runId(1), workflow: "root", depth: 0, attempt: 1, at: 0 })
      for (let index = 2; index < count; index++) tell(state, runId(index), index)
      assert.strictEqual(state.total.done, count - 2)
      return reached(state)
    }
    assert.strictEqual(sizeAfter(calls), sizeAfter(3))
  })
})
