import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { Owf, OwfTest, RunStore, Scripted, Workflow } from "open-agent-workflows"
import { directoryWith, root } from "../lib/node.ts"
import * as virtualClock from "../lib/virtualClock.ts"
import * as Files from "./flowFiles.ts"
import * as Lab from "./flowLab.ts"

const begin = Date.parse("2026-11-20T22:00:00Z")
const seconds = 1_000

type Environment = Readonly<Record<string, string>>

/** Agents of the first engine: a list of outputs, values that stand in, and where they lead. */
const agents = (count: number, fields = ""): string =>
  [
    "start: n1",
    "vars: {topic: tests}",
    "nodes:",
    ...Array.from({ length: count }, (_, index) =>
      `  - {id: n${index + 1}, type: agent, prompt_text: "Work ${index + 1} on {{ topic }}", ` +
      `outputs: [{key: a${index + 1}, default: none}], write_scope: [], next: ${
        index + 1 === count ? "done" : `n${index + 2}`
      }${fields}}`),
    "  - {id: done, type: terminal}",
    ""
  ].join("\n")

const good = (number: number) => Scripted.value({ [`a${number}`]: "good" })

/** Runs a graph to its end on a clock that jumps, and gives how it ended and what was asked when. */
const played = (graph: string, provider: Scripted.Scripted, environment: Environment = {}) => {
  const time = virtualClock.make(begin)
  const body = Effect.gen(function*() {
    const flow = yield* Files.loaded(graph)
    const { outputJson, runId, status } = yield* Workflow.start(Lab.workflow(flow), {})
    const store = yield* RunStore.RunStore
    const calls = yield* store.calls(runId)
    return {
      status,
      output: JSON.parse(outputJson ?? "null"),
      errorKind: (yield* store.run(runId)).errorKind,
      calls: calls.map(({ attempts, status }) => [status, attempts]),
      requests: yield* provider.requests,
      took: ((yield* Clock.currentTimeMillis) - begin) / seconds
    }
  }).pipe(Effect.provide(
    Owf.layer({ home: directoryWith({}), provider: provider.name, providers: [provider], environment })
  ))
  return virtualClock.under(Effect.orDie(body), time.clock)
}

const numberOf = (prompt: string): number => Number(/Work (\d+)/.exec(prompt)?.[1])
const nth = (n: number, first: Scripted.Reply, then: Scripted.Reply) =>
  Scripted.make(({ attempt }) => attempt <= n ? first : then)
const sessions = { capabilities: { sessions: true, compacts: true } }

/** A provider whose conversation is too long, and what comes of shortening it. */
const overflowing = (compacted: Scripted.Reply) =>
  Scripted.make(
    ({ attempt, compact }) =>
      attempt === 1 ? Scripted.fail("ContextOverflow", { session: "s" }) : compact === true ? compacted : good(1),
    sessions
  )

describe("test_agent_cap", () => {
  it.live("session_limit_pauses_until_reset_then_resumes", () =>
    Effect.gen(function*() {
      const detail = "You've hit your session limit · resets 11pm (UTC)"
      const ran = yield* played(agents(1), nth(1, Scripted.fail("UsageLimit", { detail }), good(1)))
      assert.deepStrictEqual([ran.status, ran.took, ran.requests.length], ["done", 3_600 + 120, 2])
    }))

  it.live("structured_reset_at_drives_invoke_wait", () =>
    Effect.gen(function*() {
      const detail = "resets 11pm (UTC)"
      const provider = nth(1, Scripted.fail("UsageLimit", { retryAfter: "2 hours", detail }), good(1))
      const ran = yield* played(agents(1), provider)
      assert.deepStrictEqual([ran.status, ran.took], ["done", 7_200 + 120])
    }))

  it.live("cap_delay_prefers_structured_reset_at", () =>
    Effect.gen(function*() {
      const past = yield* played(agents(1), nth(1, Scripted.fail("UsageLimit", { retryAfter: 0 }), good(1)))
      assert.deepStrictEqual([past.status, past.took], ["done", 120])
      // a wait beyond the bound is not begun, where it was cut down to the bound
      const absurd = yield* played(agents(1), nth(1, Scripted.fail("UsageLimit", { retryAfter: "30 days" }), good(1)), {
        AGENT_USE_DEFAULT_OUTPUTS: "false"
      })
      assert.deepStrictEqual([absurd.status, absurd.took, absurd.requests.length], ["failed", 0, 1])
    }))

  it.live("cap_delay_falls_back_to_text_then_default", () =>
    Effect.gen(function*() {
      const text = "limit reached, try again in 3 hours"
      const told = yield* played(agents(1), nth(1, Scripted.fail("UsageLimit", { detail: text }), good(1)))
      assert.strictEqual(told.took, 3 * 3_600 + 120)
      const unknown = yield* played(agents(1), nth(1, Scripted.fail("UsageLimit", { detail: "limit" }), good(1)), {
        AGENT_CAP_DEFAULT_WAIT_S: "600",
        AGENT_CAP_WAIT_MARGIN_S: "60"
      })
      assert.strictEqual(unknown.took, 660)
    }))

  it.live("cap_sleeps_until_reset_then_resumes", () =>
    Effect.gen(function*() {
      // a time of the day that has passed is tomorrow's
      const detail = "You've hit your limit · resets 9pm (UTC)"
      const ran = yield* played(agents(1), nth(1, Scripted.fail("UsageLimit", { detail }), good(1)))
      assert.deepStrictEqual([ran.status, ran.took], ["done", 23 * 3_600 + 120])
    }))

  it.live("non_timeout_transient_retries_prompt_unchanged", () =>
    Effect.gen(function*() {
      const ran = yield* played(agents(1), nth(1, Scripted.fail("Overloaded"), good(1)))
      assert.deepStrictEqual(ran.requests.map(({ prompt }) => prompt), ["Work 1 on tests", "Work 1 on tests"])
    }))

  it.live("cap_waits_do_not_consume_short_retry_budget", () =>
    Effect.gen(function*() {
      const provider = Scripted.make(({ attempt }) =>
        attempt <= 3
          ? Scripted.fail("UsageLimit", { retryAfter: "1 hours" })
          : attempt === 4
          ? Scripted.fail("Overloaded")
          : good(1)
      )
      const ran = yield* played(agents(1), provider, { AGENT_MAX_INVOKE_RETRIES: "1" })
      assert.deepStrictEqual([ran.status, ran.requests.length], ["done", 5])
    }))

  it.live("cap_wait_safety_bound", () =>
    Effect.gen(function*() {
      const provider = Scripted.make(Scripted.fail("UsageLimit", { retryAfter: "1 hours" }))
      const ran = yield* played(agents(1, ", on_exhausted: stop"), provider, { AGENT_MAX_CAP_WAITS: "2" })
      assert.deepStrictEqual([ran.status, ran.errorKind, ran.requests.length], ["failed", "ProviderFailed", 3])
    }))

  it.live("short_transient_uses_bounded_backoff_then_fails", () =>
    Effect.gen(function*() {
      const ran = yield* played(agents(1, ", on_exhausted: stop"), Scripted.make(Scripted.fail("Overloaded")), {
        AGENT_MAX_INVOKE_RETRIES: "2",
        AGENT_INVOKE_BACKOFF_BASE_S: "10",
        AGENT_INVOKE_BACKOFF_CAP_S: "15"
      })
      assert.deepStrictEqual([ran.status, ran.requests.length], ["failed", 3])
      // ten seconds and then fifteen, of each at least half
      assert.isTrue(ran.took >= 12.5 && ran.took <= 25, `${ran.took}`)
    }))

  it.live("non_transient_fails_immediately", () =>
    Effect.gen(function*() {
      const ran = yield* played(agents(1), Scripted.make(Scripted.fail("UnknownModel")))
      assert.deepStrictEqual([ran.status, ran.took, ran.requests.length], ["failed", 0, 1])
    }))
})

describe("test_agent_recovery", () => {
  it.live("success_on_first_attempt_returns_outputs", () =>
    Effect.gen(function*() {
      const ran = yield* played(agents(1), Scripted.make(good(1)))
      assert.deepStrictEqual(ran.output, { topic: "tests", a1: "good" })
      assert.deepStrictEqual(ran.calls, [["done", 1]])
    }))

  it.live("empty_result_then_reframe_succeeds", () =>
    Effect.gen(function*() {
      const ran = yield* played(agents(1), nth(1, Scripted.fail("EmptyAnswer"), good(1)))
      assert.deepStrictEqual([ran.status, ran.requests.length, ran.took], ["done", 2, 10])
      assert.isTrue(ran.requests[1]?.prompt.endsWith("Work 1 on tests"))
    }))

  it.live("persistent_failure_defaults_to_next_node", () =>
    Effect.gen(function*() {
      const provider = Scripted.make(({ prompt }) => numberOf(prompt) === 1 ? Scripted.fail("EmptyAnswer") : good(2))
      const ran = yield* played(agents(2), provider)
      // it goes on, and the run says that a value stood in
      assert.strictEqual(ran.status, "degraded")
      assert.deepStrictEqual(ran.output, { topic: "tests", a1: "none", a2: "good" })
    }))

  it.live("reframe_count_then_default", () =>
    Effect.gen(function*() {
      const ran = yield* played(agents(1), Scripted.make(Scripted.fail("EmptyAnswer")), {
        AGENT_MAX_REPHRASE_ATTEMPTS: "2"
      })
      assert.deepStrictEqual(ran.calls, [["degraded", 3]])
    }))

  it.live("unparseable_output_reframes_then_defaults", () =>
    Effect.gen(function*() {
      const ran = yield* played(agents(1), Scripted.make(Scripted.answer("Certainly!"), sessions), {
        AGENT_MAX_OUTPUT_RETRIES: "1",
        AGENT_MAX_REPHRASE_ATTEMPTS: "1"
      })
      assert.deepStrictEqual([ran.status, ran.calls], ["degraded", [["degraded", 3]]])
      assert.deepStrictEqual(ran.requests.map(({ correction }) => correction !== undefined), [false, true, false])
    }))

  it.live("default_outputs_disabled_raises", () =>
    Effect.gen(function*() {
      const ran = yield* played(agents(2), Scripted.make(Scripted.fail("EmptyAnswer")), {
        AGENT_USE_DEFAULT_OUTPUTS: "false"
      })
      assert.deepStrictEqual([ran.status, ran.errorKind, ran.calls.length], ["failed", "ProviderFailed", 1])
    }))

  it.live("new_node_starts_clean_dropping_prior_session", () =>
    Effect.gen(function*() {
      const provider = Scripted.make(
        ({ prompt }) =>
          Scripted.value({ [`a${numberOf(prompt)}`]: "good" }, { session: `session ${numberOf(prompt)}` }),
        sessions
      )
      const ran = yield* played(agents(3), provider)
      assert.deepStrictEqual(ran.requests.map(({ session }) => session), [undefined, undefined, undefined])
    }))

  it.effect("interrupted_node_keeps_session_for_resume", () => {
    const provider = Scripted.make(
      ({ prompt, session }) =>
        numberOf(prompt) === 1
          ? Scripted.value({ a1: "good" }, { session: "first" })
          : session === undefined
          ? Scripted.fail("UsageLimit", { session: "second", retryAfter: "5 hours" })
          : good(2),
      sessions
    )
    return Effect.gen(function*() {
      const flow = Lab.workflow(yield* Files.loaded(agents(2)))
      const fiber = yield* Effect.fork(Workflow.start(flow, {}))
      yield* OwfTest.adjust("1 minutes")
      yield* Fiber.interrupt(fiber)
      yield* OwfTest.adjust("6 hours")
      const ran = yield* Workflow.resume(flow, yield* Lab.latest)
      assert.strictEqual(ran.status, "done")
      // the node that was cut off goes on in its own conversation, and never in another's
      assert.deepStrictEqual((yield* provider.requests).map(({ session }) => session?.id), [
        undefined,
        undefined,
        "second"
      ])
    }).pipe(Effect.provide(Lab.layer(provider)))
  })

  it.live("overflow_compacts_then_continues_same_prompt", () =>
    Effect.gen(function*() {
      const provider = overflowing(Scripted.answer("", { session: "s" }))
      const ran = yield* played(agents(1), provider)
      assert.deepStrictEqual(
        ran.requests.map(({ compact, prompt, session }) => [compact === true, prompt, session?.id]),
        [[false, "Work 1 on tests", undefined], [true, "Work 1 on tests", "s"], [false, "Work 1 on tests", "s"]]
      )
      assert.deepStrictEqual([ran.status, ran.took], ["done", 0])
    }))

  it.live("overflow_falls_back_to_reframe_when_compaction_fails", () =>
    Effect.gen(function*() {
      const provider = overflowing(Scripted.fail("Unknown", { session: "s" }))
      const ran = yield* played(agents(1), provider)
      assert.deepStrictEqual(ran.requests.map(({ session }) => session?.id), [undefined, "s", undefined])
      assert.strictEqual(ran.status, "done")
    }))

  it.live("overflow_compaction_attempts_are_bounded", () =>
    Effect.gen(function*() {
      const provider = () =>
        Scripted.make(
          ({ compact }) =>
            compact === true
              ? Scripted.answer("", { session: "s" })
              : Scripted.fail("ContextOverflow", { session: "s" }),
          sessions
        )
      const shortened = (times: string) =>
        Effect.map(
          played(agents(1), provider(), { AGENT_MAX_COMPACT_ATTEMPTS: times, AGENT_MAX_REPHRASE_ATTEMPTS: "0" }),
          ({ requests }) => requests.filter(({ compact }) => compact === true).length
        )
      assert.deepStrictEqual([yield* shortened("0"), yield* shortened("1"), yield* shortened("3")], [0, 1, 3])
    }))
})

describe("test_backends", () => {
  it.live("agentnode_model_is_optional", () =>
    Effect.gen(function*() {
      const provider = () => Scripted.make(good(1), { model: "its own" })
      assert.strictEqual((yield* played(agents(1), provider())).requests[0]?.model, "its own")
      const named = yield* played(agents(1, ", model: opus"), provider())
      assert.strictEqual(named.requests[0]?.model, "opus")
    }))
})

describe("test_branch_guardrail", () => {
  const way = (branch: string) =>
    Effect.map(
      played(
        `start: b\nvars: {a: {status: ok, count: 12}, flat: text}\nnodes:\n  - {id: b, type: branch, ${branch}}\n` +
          "  - {id: yes, type: terminal}\n  - {id: no, type: fail}\n",
        Scripted.make([])
      ),
      ({ errorKind, status }) => errorKind ?? status
    )

  it.live.each(
    [
      ["resolved_value_matches_case", "path: a.status, cases: {ok: yes}, default: no", "done"],
      ["missing_key_routes_to_default", "path: a.nothing, cases: {ok: no}, default: yes", "done"],
      ["non_dict_intermediate_routes_to_default", "path: flat.status, cases: {ok: no}, default: yes", "done"],
      ["missing_top_level_key_routes_to_default", "path: nothing.at.all, cases: {ok: no}, default: yes", "done"],
      ["unresolvable_without_default_raises_actionable_error", "path: a.nothing, cases: {ok: yes}", "NodeFailed"],
      ["resolved_value_no_match_no_default_still_raises", "path: a.status, cases: {error: yes}", "NodeFailed"],
      [
        "conditions_still_evaluated_for_resolved_value",
        "path: a.count, conditions: [{op: \">=\", value: \"10\", next: yes}], default: no",
        "done"
      ]
    ] as const
  )("%s", ([, branch, expected]) => Effect.map(way(branch), (ended) => assert.strictEqual(ended, expected)))
})

const Kept = Schema.parseJson(
  Schema.Struct({ seq: Schema.Int, node: Schema.String, next: Schema.NullOr(Schema.String) })
)

describe("test_idempotency", () => {
  it.effect("checkpoint_seq_increments, done_marker_records_current_seq_and_next, branch_writes_done_marker, resume_restores_seq_so_new_checkpoints_dont_collide", () => {
    const graph = agents(2).replace("next: n2", "next: b").replace(
      "  - {id: done",
      "  - {id: b, type: branch, path: a1, cases: {good: n2}, default: done}\n  - {id: done"
    )
    const provider = Scripted.make(({ prompt }) =>
      numberOf(prompt) === 1 ? good(1) : numberOf(prompt) === 2 ? Scripted.never : good(2)
    )
    return Effect.gen(function*() {
      const flow = yield* Files.loaded(graph)
      const fiber = yield* Effect.fork(Workflow.start(Lab.workflow(flow), {}))
      yield* OwfTest.adjust("1 minutes")
      yield* Fiber.interrupt(fiber)
      const { events } = yield* RunStore.RunStore
      const { id } = yield* Lab.latest
      const kept = Effect.map(
        events(id, { type: "transition" }),
        (all) => all.map(({ dataJson }) => Object.values(Schema.decodeSync(Kept)(dataJson ?? "")))
      )
      const before = [[0, "n1", "b"], [1, "b", "n2"]]
      assert.deepStrictEqual(yield* kept, before)
      const edited = yield* Files.loaded(graph.replace("Work 2", "Work 3"))
      assert.strictEqual((yield* Workflow.resume(Lab.workflow(edited), yield* Lab.latest)).status, "done")
      assert.deepStrictEqual(yield* kept, [...before, [2, "n2", "done"]])
    }).pipe(Effect.provide(Lab.layer(provider)))
  })
})

describe("test_node_timeout", () => {
  it.live.each<readonly [string, string, Environment, number]>([
    ["timeout_defaults_to_20_min", "", {}, 1_200],
    ["explicit_timeout_overrides_and_reaches_prompt", ", timeout: 90", {}, 90],
    ["explicit_none_falls_back_to_engine_default", ", timeout: null", {}, 600],
    [
      "explicit_none_falls_back_to_engine_default, which can be set",
      ", timeout: 0",
      { AGENT_RESULT_TIMEOUT_S: "70" },
      70
    ]
  ])(
    "%s; default_budget_threads_to_invocation_and_prompt",
    ([, fields, environment, expected]) =>
      Effect.gen(function*() {
        const graph = agents(1, `, on_exhausted: stop${fields}`).replace(
          "on {{ topic }}",
          "in {{ node_timeout_s }}/{{ node_timeout_min }}"
        )
        const ran = yield* played(graph, Scripted.make(Scripted.never), environment)
        assert.deepStrictEqual([ran.status, ran.errorKind, ran.took], ["failed", "CallTimeout", expected])
        assert.strictEqual(ran.requests[0]?.prompt, `Work 1 in ${expected}/${Math.round(expected / 60)}`)
      })
  )
})

describe("test_templates_resilient", () => {
  it.live.each(
    [
      ["attribute_on_wrong_typed_value_renders_empty", "{{ topic.name }}", ""],
      ["missing_top_level_var_renders_empty", "{{ nothing }}", ""],
      ["deep_chain_through_missing_renders_empty", "{{ nothing.at.all[0].there }}", ""],
      ["valid_reference_still_renders", "{{ topic }}", "tests"]
    ] as const
  )("%s; undefined_use_is_logged", ([, template, expected]) =>
    Effect.gen(function*() {
      const provider = Scripted.make(good(1))
      const graph = agents(1).replace("{{ topic }}", template)
      const warned = yield* Effect.gen(function*() {
        yield* Workflow.start(Lab.workflow(yield* Files.loaded(graph)), {})
        const { events } = yield* RunStore.RunStore
        return yield* events((yield* Lab.latest).id, { type: "template_warning" })
      }).pipe(Effect.provide(Lab.layer(provider)))
      assert.strictEqual((yield* provider.requests)[0]?.prompt, `Work 1 on ${expected}`)
      assert.strictEqual(warned.length, expected === "" ? 1 : 0)
    }))
})

describe("the record of what is shown of the first engine's tests", () => {
  const page = Fs.readFileSync(Path.join(root, "docs/decisions/0022-workhorse-parity.md"), "utf8")
  const rows = page.split("\n").flatMap((line) => {
    const [, name, where] = /^\| `(\w+)` *\|[^|]*\| (.*?) *\|$/.exec(line) ?? []
    return name === undefined || where === undefined ? [] : [{ name, where }]
  })

  it("has a row for each of the 78", () => {
    assert.strictEqual(rows.length, 78)
    assert.strictEqual(new Set(rows.map(({ name }) => name)).size, 78)
  })

  it("names tests that exist, or says why there is none", () => {
    const own = Fs.readFileSync(Path.join(root, "test/graph/Parity.test.ts"), "utf8")
    const missing = rows.flatMap(({ name, where }) => {
      if (where.startsWith("different: ")) return []
      if (where === "here") return own.includes(name) ? [] : [name]
      const [, file = "", title = ""] = /^`([\w/.]+)`: (.+)$/.exec(where) ?? []
      const path = Path.join(root, "test", file)
      return Fs.existsSync(path) && Fs.readFileSync(path, "utf8").includes(title) && title !== "" ? [] : [name]
    })
    assert.deepStrictEqual(missing, [])
  })
})
