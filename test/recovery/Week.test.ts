import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { agent, OwfTest, Recovery, RunStore, Scripted, Workflow } from "open-agent-workflows"
import * as virtualClock from "../lib/virtualClock.ts"

const hour = 3_600_000
const begin = Date.parse("2026-11-20T22:00:00Z")
const nodes = 200

const Step = Schema.Struct({ node: Schema.Int, before: Schema.Int })

/** 200 nodes, each of which is told what the one before it gave. */
const graph = Workflow.make({ name: "week", output: Schema.Array(Schema.Int) }, function*() {
  const seen: Array<number> = []
  for (let node = 0, before = 0; node < nodes; node++) {
    const { value } = yield* agent(`node ${node} after ${before}`, {
      schema: Step,
      idleTimeout: "5 minutes",
      timeout: "1 hour"
    })
    seen.push(value.node)
    before = value.node + value.before
  }
  return seen
})

/** The ends of two limits that last for hours. */
const caps = [{ from: 20 * hour, to: 29 * hour }, { from: 90 * hour, to: 97 * hour }]

describe("a week of a run that nobody watches", () => {
  it.live("ends with what an undisturbed one gives, asks no finished node again, and adds up", () => {
    const finished = new Map<number, number>()
    let reported = 0
    let hung = 0
    const used = (inputTokens: number) => {
      reported += inputTokens
      return { usage: { inputTokens }, cost: null }
    }
    const provider = Scripted.make(
      (request) =>
        Effect.map(Clock.currentTimeMillis, (now) => {
          const [, number = "0", before = "0"] = /node (\d+) after (\d+)$/.exec(request.prompt) ?? []
          const node = Number(number)
          assert.isFalse(finished.has(node), `node ${node} is asked again after it has finished`)
          const at = now - begin
          const cap = caps.find(({ from, to }) => at >= from && at < to)
          if (cap !== undefined) return Scripted.fail("UsageLimit", { retryAfter: cap.to - at })
          if (request.compact === true) {
            return Scripted.answer("shortened", { session: request.session?.id, ...used(50) })
          }
          const session = request.session?.id ?? `s${node}-${request.attempt}`
          const first = request.attempt === 1
          if (first && node % 7 === 1) return Scripted.fail("RateLimited", { delay: "1 minutes" })
          if (first && node % 11 === 2) return Scripted.fail("ContextOverflow", { session, ...used(900) })
          if (node % 13 === 3 && request.session === undefined && !request.prompt.startsWith("An earlier")) {
            return Scripted.fail("EmptyAnswer", used(5))
          }
          if (first && node % 17 === 4) return Scripted.answer("no JSON at all", { session, ...used(20) })
          if (first && node % 40 === 5) {
            hung++
            // silence, which a provider ends after the time it may last
            return Scripted.fail("Silent", { delay: request.idleTimeout ?? 0 })
          }
          // a request whose process is stopped reports nothing
          return () =>
            Effect.map(Effect.sleep("45 minutes"), () => {
              finished.set(node, finished.size)
              return Scripted.value({ node, before: Number(before) }, { session, ...used(100) })
            })
        }),
      { capabilities: { sessions: true, compacts: true } }
    )
    const time = virtualClock.make(begin)
    const body = Effect.gen(function*() {
      const store = yield* RunStore.RunStore
      const options = { recover: Recovery.standard }
      // the process is stopped three times, once in the middle of a wait for a limit
      yield* Effect.timeoutOption(Workflow.start(graph, {}, options), 24.2 * hour)
      for (const life of [30.3 * hour, 55.1 * hour]) {
        yield* Effect.timeoutOption(Workflow.resume(graph, yield* store.run("latest"), options), life)
        assert.strictEqual((yield* store.run("latest")).status, "interrupted")
      }
      const result = yield* Workflow.resume(graph, yield* store.run("latest"), options)
      assert.strictEqual(result.status, "done")
      assert.deepStrictEqual(JSON.parse(result.outputJson ?? ""), Array.from({ length: nodes }, (_, node) => node))
      assert.strictEqual(finished.size, nodes)
      // of five nodes one had another fault first
      assert.strictEqual(hung, 4)
      assert.isAbove((yield* Clock.currentTimeMillis) - begin, 160 * hour)

      const run = yield* store.run(result.runId)
      const calls = yield* store.calls(result.runId)
      assert.strictEqual(calls.length, nodes)
      assert.isTrue(calls.every(({ status }) => status === "done"))
      // the ledger is what the provider reported, and what the calls say
      assert.strictEqual(run.budgetSpentTokens, reported)
      assert.strictEqual(calls.reduce((sum, call) => sum + call.inputTokens, 0), reported)
      // a limit is asked about when it is met and after it ends; a stopped process does not ask in between
      const requests = yield* provider.requests
      const attempts = calls.reduce((sum, call) => sum + call.attempts, 0)
      assert.strictEqual(attempts, requests.length)
      assert.isBelow(requests.length, 2 * nodes)
    }).pipe(Effect.provide(OwfTest.layer({ provider })), Effect.orDie)
    return virtualClock.under(body, time.clock)
  }, 60_000)
})
