import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { spawn } from "node:child_process"
import * as Path from "node:path"
import { agent, Owf, Workflow } from "open-agent-workflows"
import * as ProcessOwner from "../../src/node/ProcessOwner.ts"
import * as StopOwner from "../../src/node/StopOwner.ts"
import { Owner } from "../../src/store/Owner.ts"
import { directoryWith } from "../lib/node.ts"
import { inProcess } from "./owf.ts"

describe("owf cancel", () => {
  it.live("does not end an application that runs a workflow, and does nothing to a run that is over", () =>
    Effect.gen(function*() {
      const directory = directoryWith({})
      const home = Path.join(directory, ".workflows")
      const began = yield* Deferred.make<void>()
      const goOn = yield* Deferred.make<void>()
      const flow = Workflow.make({ name: "flow" }, function*() {
        yield* agent("begin")
        yield* Deferred.succeed(began, undefined)
        yield* Deferred.await(goOn)
        return 1
      })
      const running = yield* Effect.fork(Effect.provide(flow(), Owf.layer({ home, provider: "fake" })))
      yield* Deferred.await(began)
      const refused = yield* Effect.promise(() => inProcess(directory, "cancel", "latest"))
      assert.strictEqual(refused.code, 7)
      assert.match(refused.stdout, /is running: process \d+ is no owf command, and was not asked/)
      yield* Deferred.succeed(goOn, undefined)
      assert.strictEqual(yield* Fiber.join(running), 1)
      const over = yield* Effect.promise(() => inProcess(directory, "cancel", "latest", "--json"))
      assert.strictEqual(over.code, 0)
      assert.deepInclude(JSON.parse(over.stdout) as object, { status: "done", stopped: false, resume: null })
      assert.strictEqual((yield* Effect.promise(() => inProcess(directory, "cancel", "none"))).code, 2)
    }))

  it.live("asks nobody but the process that took the run", () =>
    Effect.gen(function*() {
      const { check, self } = yield* Owner
      const child = spawn("sleep", ["30"], { stdio: "ignore" })
      const pid = child.pid ?? 0
      const other = { ...self, pid, startedAt: "" }
      assert.strictEqual(yield* check(other), "alive")
      assert.strictEqual(yield* StopOwner.stop(other), "foreign")
      assert.strictEqual(yield* StopOwner.stop({ ...other, startedAt: "1" }), "gone", "another process had this id")
      assert.strictEqual(yield* StopOwner.stop({ ...other, system: "another" }), "elsewhere")
      assert.strictEqual(yield* StopOwner.stop(self), "foreign")
      assert.isNull(child.exitCode)
      assert.isNull(child.signalCode)
      child.kill("SIGKILL")
    }).pipe(Effect.provide(Layer.fresh(ProcessOwner.layer))))

  it.live("asks a program to stop that is owf, and none that is told of it", () =>
    Effect.gen(function*() {
      const { self } = yield* Owner
      const directory = directoryWith({
        "owf.js": "setInterval(() => {}, 1000)",
        "app.js": "setInterval(() => {}, 1000)"
      })
      const [owf, app] = [Path.join(directory, "owf.js"), Path.join(directory, "app.js")]
      const table: ReadonlyArray<readonly [words: ReadonlyArray<string>, stopped: string]> = [
        [[app, "owf"], "foreign"],
        [[app, "--home", "/srv/owf"], "foreign"],
        [["-e", "setInterval(() => {}, 1000)", "owf"], "foreign"],
        [["--require", owf, app], "foreign"],
        [[owf, "run", "flow.ts"], "asked"],
        [["--no-warnings", "--require", app, owf, "mcp"], "asked"]
      ]
      for (const [words, stopped] of table) {
        const child = spawn(process.execPath, words, { stdio: "ignore" })
        const pid = child.pid ?? 0
        yield* Effect.async<void>((resume) => void child.once("spawn", () => resume(Effect.void)))
        assert.strictEqual(yield* StopOwner.stop({ ...self, pid, startedAt: "" }), stopped, words.join(" "))
        child.kill("SIGKILL")
      }
    }).pipe(Effect.provide(Layer.fresh(ProcessOwner.layer))))
})
