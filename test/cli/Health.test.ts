import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Path from "node:path"
import { agent, Owf, Scripted, Workflow } from "open-agent-workflows"
import * as Health from "../../src/cli/Health.ts"
import type { Pulse } from "../../src/store/RunStore.ts"
import { directoryWith } from "../lib/node.ts"
import Database from "../lib/sqlite.ts"
import { inProcess } from "./owf.ts"

const now = Date.UTC(2026, 0, 1)
const minute = 60_000
const hour = 60 * minute

const alive: Pulse = {
  heartbeatAt: now - 5_000,
  owner: null,
  lastEventAt: now - minute,
  lastEventType: "call_started",
  runningCalls: 1,
  waitingUntil: null
}

const of = (
  status: Parameters<typeof Health.of>[0]["status"],
  pulse: Partial<Pulse> = {},
  errorKind: string | null = null
) =>
  Health.of(
    { status, errorKind, errorMessage: errorKind === null ? null : "no" },
    { ...alive, ...pulse },
    { now, patience: 6 * hour }
  )

describe("the health of a run", () => {
  it("is good while its process gives signs of life and something happens", () => {
    assert.deepInclude(of("running"), { isHealthy: true, state: "working" })
    assert.deepInclude(of("running", { lastEventAt: now - 5 * hour }), { isHealthy: true, state: "working" })
    assert.deepInclude(of("running"), { detail: "is running; the last thing happened 1 min 0 s ago" })
    assert.deepInclude(of("running", { lastEventAt: now - 3 }), {
      detail: "is running; the last thing happened just now"
    })
    assert.deepInclude(of("running", { lastEventAt: null }), {
      isHealthy: true,
      state: "working",
      detail: "is running; nothing has happened yet"
    })
  })

  it("is good while it waits, however long", () => {
    const long = { lastEventAt: now - 100 * hour }
    assert.deepInclude(of("waiting", { ...long, runningCalls: 0, waitingUntil: now + 50 * hour }), {
      isHealthy: true,
      state: "waiting",
      detail: "waits until 2026-01-03T02:00:00.000Z"
    })
    assert.deepInclude(of("running", { ...long, runningCalls: 0, lastEventType: "waiting" }), {
      isHealthy: true,
      state: "waiting"
    })
    assert.isTrue(of("waiting", { ...long, waitingUntil: now - hour }).isHealthy, "a while after the time it waits for")
  })

  it("is bad without a sign of life for a minute, whatever it does", () => {
    for (const status of ["running", "waiting"] as const) {
      assert.deepInclude(of(status, { heartbeatAt: now - 2 * minute }), { isHealthy: false, state: "dead" })
      assert.deepInclude(of(status, { heartbeatAt: null }), { isHealthy: false, state: "dead" })
    }
    assert.deepInclude(of("interrupted"), { isHealthy: false, state: "dead" })
  })

  it("is bad when nothing happens for longer than anything takes, and when it does not go on after a wait", () => {
    assert.deepInclude(of("running", { lastEventAt: now - 7 * hour }), { isHealthy: false, state: "stuck" })
    assert.deepInclude(of("running", { lastEventAt: now - 7 * hour, lastEventType: "waiting" }), {
      isHealthy: false,
      state: "stuck"
    })
    assert.deepInclude(of("waiting", { waitingUntil: now - 7 * hour }), { isHealthy: false, state: "stuck" })
  })

  it("is good when it came to its end, and bad when it failed", () => {
    assert.deepInclude(of("done", { heartbeatAt: null }), { isHealthy: true, state: "ended" })
    assert.deepInclude(of("degraded", { heartbeatAt: null }), { isHealthy: true, state: "ended" })
    assert.deepInclude(of("failed", {}, "FlowFailed"), { isHealthy: false, state: "ended", detail: "failed: no" })
    assert.deepInclude(of("failed", {}, "NodeFailed"), { isHealthy: false, state: "stopped" })
  })
})

describe("owf health", () => {
  it.scopedLive("says by its exit code how a run of another process is", () =>
    Effect.gen(function*() {
      const directory = directoryWith({})
      const home = Path.join(directory, ".workflows")
      const asked = yield* Deferred.make<void>()
      const provider = Scripted.make((request) => {
        Effect.runSync(Deferred.succeed(asked, undefined))
        return request.prompt === "work" ? Scripted.never : Scripted.answer("ok")
      })
      const run = (prompt: string) =>
        Effect.provide(
          Workflow.make({ name: "long" }, () => agent(prompt))(),
          Owf.layer({ home, provider: provider.name, providers: [provider], environment: {} })
        )
      const health = (...words: ReadonlyArray<string>) =>
        Effect.promise(() => inProcess(directory, "health", "latest", ...words))
      assert.strictEqual((yield* health()).code, 2, "there is no home yet")

      const fiber = yield* Effect.fork(run("work"))
      yield* Deferred.await(asked)
      const working = yield* health("--json")
      assert.strictEqual(working.code, 0, working.stderr)
      assert.deepInclude(JSON.parse(working.stdout), { healthy: true, state: "working", status: "running" })

      const database = new Database(Path.join(home, "workflow.sqlite"))
      database.exec("UPDATE leases SET heartbeat_at = heartbeat_at - 120000")
      const silent = yield* health()
      assert.strictEqual(silent.code, 8, silent.stdout)
      assert.match(silent.stdout, /^unhealthy: run \S+ is running; its process has given no sign of life/)
      database.exec("UPDATE leases SET heartbeat_at = heartbeat_at + 120000")
      database.exec("UPDATE events SET timestamp = '2020-01-01T00:00:00.000Z'")
      assert.match((yield* health()).stdout, /^unhealthy: run \S+ is running; nothing has happened for/)
      database.close()

      yield* Fiber.interrupt(fiber)
      const stopped = yield* health("--json")
      assert.strictEqual(stopped.code, 8)
      assert.deepInclude(JSON.parse(stopped.stdout), { healthy: false, state: "dead", status: "interrupted" })

      yield* run("more")
      const done = yield* health()
      assert.strictEqual(done.code, 0, done.stdout)
      assert.match(done.stdout, /^healthy: run \S+ is done\n$/)
    }), 20_000)
})
