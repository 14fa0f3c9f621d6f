/**
 * All surfaces that show a run render one model, so they say the same of the same run.
 */
import { assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Path from "node:path"
import { callId } from "open-agent-workflows/domain/Ids"
import { RunStore } from "open-agent-workflows/store/RunStore"
import { Host } from "../../src/mcp/Host.ts"
import { tools } from "../../src/mcp/ReadTools.ts"
import * as Numbers from "../../src/report/Numbers.ts"
import type { Ran } from "../cli/owf.ts"
import { inProcess } from "../cli/owf.ts"
import { directoryWith } from "../lib/node.ts"
import { ended, finished, newAttempt, newCall, newRun, outcome, runId } from "../lib/store.ts"
import { fill, ids, store } from "./world.ts"

type Json = Readonly<Record<string, unknown>>

const [stopped, parent, middle, inner] = [runId(21), runId(22), runId(23), runId(24)]

/** A run that was left as it was: what the rows of its calls count is not what their requests used. */
const stoppedRun = Effect.gen(function*() {
  const runs = yield* RunStore
  const { ownership } = yield* runs.create(newRun(stopped, { scriptPath: "/project/flow.ts" }), null)
  const begin = (index: number) =>
    runs.begin(ownership, newCall(stopped, index, { label: null, phase: "one" }), newAttempt(stopped, index))
  for (const index of [1, 2, 3, 4]) yield* begin(index)
  const failed = (index: number) => ended(stopped, index, { status: "failed", errorKind: "Overloaded", error: "503" })
  // one between two tries, one with its second request under way, one whose call counts only its last request
  yield* runs.retry(ownership, failed(1), null)
  yield* runs.retry(ownership, failed(2), newAttempt(stopped, 2, { attempt: 2 }))
  yield* runs.report(ownership, { runId: stopped, index: 2 }, 2, {
    usage: { inputTokens: 7, outputTokens: 3, cacheReadTokens: 2, cacheWriteTokens: 1 },
    cost: null,
    costSource: null
  })
  yield* runs.retry(ownership, failed(3), newAttempt(stopped, 3, { attempt: 2 }))
  yield* runs.settle(
    ownership,
    ended(stopped, 3, { attempt: 2, status: "failed", cost: null, costSource: null, error: "503" }),
    outcome(stopped, 3, { status: "provider_failed", outputText: null, error: "503", cost: null, attempts: 1 })
  )
  yield* runs.finish(ownership, finished(stopped, { status: "interrupted", errorKind: "Interrupted" }))
})

/** A run with one below it, which has one below it. */
const nestedRuns = Effect.gen(function*() {
  const runs = yield* RunStore
  const root = yield* runs.create(newRun(parent), null)
  const below = (id: typeof middle, above: typeof middle, depth: number) =>
    Effect.map(
      runs.create(
        newRun(id, { parent: { runId: above, rootRunId: parent, childKey: "child", ordinal: 0 }, depth }),
        root.ownership
      ),
      ({ ownership }) => ownership
    )
  for (const [id, above, depth] of [[middle, parent, 1], [inner, middle, 2]] as const) {
    const ownership = yield* below(id, above, depth)
    yield* runs.begin(ownership, newCall(id, 1), newAttempt(id, 1))
    yield* runs.settle(ownership, ended(id, 1), outcome(id, 1))
    yield* runs.finish(ownership, finished(id))
  }
  yield* runs.finish(root.ownership, finished(parent))
})

let directory: string
beforeAll(async () => {
  directory = directoryWith({})
  const filled = Effect.zipRight(fill, Effect.zipRight(stoppedRun, nestedRuns))
  await Effect.runPromise(Effect.provide(filled, store(Path.join(directory, ".workflows"))))
})

const owf = async (...words: ReadonlyArray<string>): Promise<Ran> => await inProcess(directory, ...words)

const json = async <A = Json>(...words: ReadonlyArray<string>): Promise<A> =>
  JSON.parse((await owf(...words, "--json")).stdout) as A

/** What a tool gives, its commands run in this process as those of the server are. */
const tool = async (name: string, given: Json): Promise<Json> => {
  const found = tools.find((tool) => tool.name === name) ?? assert.fail(`there is no tool ${name}`)
  const not = () => Effect.dieMessage("only reads")
  const host: Host["Type"] = {
    command: (words) => Effect.promise(async () => ({ ...await owf(...words), code: 0 })),
    home: () => Effect.succeed(Path.join(directory, ".workflows")),
    child: not,
    background: not,
    file: not,
    newFile: not,
    read: not,
    runDirectory: not,
    packaged: not
  }
  const result = await Effect.runPromise(
    Effect.provideService(found.call(given, { progress: () => Effect.void }), Host, host)
  )
  assert.isFalse(result.isError, result.text.slice(0, 500))
  return result.value ?? {}
}

interface Sums {
  readonly calls: number
  readonly by_status: Readonly<Record<string, number>>
  readonly by_cache: Readonly<Record<string, number>>
  readonly requests: number
  readonly usage: { readonly input_tokens: number; readonly output_tokens: number }
  readonly tokens: number
  readonly cost_usd: number
  readonly unknown_costs: number
}

interface Attempt {
  readonly cost_usd: number | null
  readonly usage: Json
}

interface Call {
  readonly id: string
  readonly run_id: string
  readonly status: string
  readonly cache_status: string
  readonly attempts: ReadonlyArray<Attempt>
  readonly usage: Json & Sums["usage"]
  readonly cost_usd: number | null
}

interface Report {
  readonly run: { readonly status: string }
  readonly own: Sums
  readonly totals: Sums
  readonly calls: ReadonlyArray<Call>
}

const line = (text: string, name: string): string | undefined => new RegExp(`^ *${name}: +(.*)$`, "m").exec(text)?.[1]

/** What a call comes to, in the words of the commands' JSON. */
const figures = ({ attempts, cache_status, cost_usd, id, status, usage }: Call) => ({
  id,
  status,
  cache_status,
  attempts: attempts.length,
  ...usage,
  estimated_cost_usd: cost_usd
})

const pick = (row: Json, like: Json): Json => Object.fromEntries(Object.keys(like).map((name) => [name, row[name]]))

const cases = [
  ["something of everything", ids.main],
  ["another", ids.child],
  ["calls that did not end", stopped],
  ["runs below it", parent],
  ["runs above and below it", middle]
] as const

describe.each(cases)("a run with %s", (_, id) => {
  let report: Report
  let own: ReadonlyArray<Call>
  beforeAll(async () => {
    report = await json<Report>("report", id)
    own = report.calls.filter((call) => call.run_id === id)
  })

  it("comes to what its requests come to", () => {
    const requests = (calls: ReadonlyArray<Call>) => calls.flatMap(({ attempts }) => attempts)
    for (const [sums, calls] of [[report.own, own], [report.totals, report.calls]] as const) {
      const costs = requests(calls).map(({ cost_usd }) => cost_usd)
      assert.strictEqual(sums.calls, calls.length)
      assert.strictEqual(sums.requests, costs.length)
      assert.strictEqual(sums.unknown_costs, costs.filter((cost) => cost === null).length)
      assert.closeTo(sums.cost_usd, costs.reduce<number>((sum, cost) => sum + (cost ?? 0), 0), 1e-12)
      const tokens = requests(calls).flatMap(({ usage }) => Object.values(usage)).reduce<number>(
        (a, b) => a + Number(b),
        0
      )
      assert.strictEqual(sums.tokens, tokens)
    }
  })

  it("is the same in the text of owf status", async () => {
    const { stdout } = await owf("status", id)
    const { by_cache, by_status, calls, cost_usd, requests, unknown_costs, usage } = report.own
    assert.strictEqual(line(stdout, "status"), report.run.status)
    assert.strictEqual(line(stdout, "calls"), String(calls))
    assert.strictEqual(line(stdout, "by status") ?? "", Numbers.counts(by_status))
    assert.strictEqual(line(stdout, "by cache") ?? "", Numbers.counts(by_cache))
    assert.strictEqual(line(stdout, "tokens"), `${usage.input_tokens} in, ${usage.output_tokens} out`)
    assert.isTrue(line(stdout, "cost")?.startsWith(Numbers.cost(cost_usd, unknown_costs, requests)), stdout)
  })

  it("is the same in the JSON of owf status, owf calls and owf cat", async () => {
    const status = await json<{ run: Json; own: Sums; calls: ReadonlyArray<Json> }>("status", id)
    const calls = await json<ReadonlyArray<Json>>("calls", id)
    const expected = own.map(figures)
    assert.strictEqual(status.run["status"], report.run.status)
    assert.deepStrictEqual(status.own, report.own)
    assert.deepStrictEqual(calls, status.calls)
    assert.deepStrictEqual(calls.map((call, at) => pick(call, expected[at] ?? {})), expected)
    for (const [at, call] of calls.entries()) {
      const { requests, ...shown } = await json<Json & { requests: ReadonlyArray<Json> }>("cat", String(call["id"]))
      assert.deepStrictEqual(shown, call)
      assert.deepStrictEqual(
        requests.map(({ cost_usd }) => cost_usd),
        own[at]?.attempts.map(({ cost_usd }) => cost_usd)
      )
    }
  })

  it("is the same in the text of owf calls", async () => {
    const { stdout } = await owf("calls", id)
    const rows = stdout.trimEnd().split("\n").filter((row) => row !== "").map((row) => row.split(/ {2,}/))
    assert.deepStrictEqual(
      rows.map(([number, status, cache, , tokens]) => [number, status, cache, tokens]),
      own.map(({ cache_status, id, status, usage }) => [
        id.slice(-4),
        status,
        cache_status,
        `${usage.input_tokens + usage.output_tokens} tokens`
      ])
    )
  })

  it("is the same in Markdown", async () => {
    const { stdout } = await owf("report", id, "--stdout")
    const { by_status, calls, cost_usd, requests, unknown_costs, usage } = report.totals
    assert.include(stdout, `| Status | ${report.run.status} |`)
    assert.include(stdout, `| Calls | ${calls}${calls === 0 ? " |" : ` (${Numbers.counts(by_status)}; `}`)
    assert.include(
      stdout,
      `| Tokens | ${Numbers.whole(usage.input_tokens)} in, ${Numbers.whole(usage.output_tokens)} out`
    )
    assert.include(stdout, `| Cost | ${Numbers.cost(cost_usd, unknown_costs, requests)}`)
  })

  it("is the same added up by owf usage", async () => {
    const { cost_usd, requests, unknown_costs, usage, ...sums } = report.totals
    for (const by of ["provider", "phase", "workflow", "day"]) {
      const { total } = await json<{ total: Json }>("usage", id, "--by", by)
      assert.deepInclude(total, { calls: sums.calls, attempts: requests, cost_usd, unknown_costs, ...usage })
    }
  })

  it("is the same to an agent", async () => {
    const status = await tool("owf_status", { run_id: id })
    assert.strictEqual(status["status"], report.run.status)
    assert.deepStrictEqual(status["calls_by_status"], report.own.by_status)
    const listed = await tool("owf_calls", { run_id: id })
    for (const rows of [(status["calls"] as Json)["items"], listed["items"]]) {
      const expected = own.map(figures)
      const shown = (rows as ReadonlyArray<Json>).map((row, at) => {
        const like = Object.keys(expected[at] ?? {}).filter((name) => name in row)
        return [row, Object.fromEntries(like.map((name) => [name, Reflect.get(expected[at] ?? {}, name)]))] as const
      })
      assert.lengthOf(shown, own.length)
      for (const [row, expected] of shown) assert.deepInclude(row, expected)
    }
    const { total } = await tool("owf_usage", { run_id: id })
    assert.deepInclude(total as Json, { calls: report.totals.calls, cost_usd: report.totals.cost_usd })
  })
})

describe("a run that has ended", () => {
  it("comes to the same for who watches it", async () => {
    const { totals } = await json<Report>("report", ids.main)
    const { stderr } = await owf("watch", ids.main)
    const { input_tokens, output_tokens } = totals.usage
    assert.include(stderr, ` of ${totals.calls} calls · ${input_tokens + output_tokens} tokens · `)
  })
})

describe("a call", () => {
  it("is found by its number, and one that is not there is not", async () => {
    assert.strictEqual((await json("cat", `${stopped}_call_1`))["id"], callId(stopped, 1))
    const { code, stderr } = await owf("cat", `${stopped}_call_0009`)
    assert.strictEqual(code, 2)
    assert.include(stderr, `Did you mean ${callId(stopped, 1)}`)
  })
})
