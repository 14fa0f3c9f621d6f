import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { spawn, spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as ProcessOwner from "open-agent-workflows/node/ProcessOwner"
import { Owner } from "open-agent-workflows/store/Owner"

const check = (change: Partial<Owner["Type"]["self"]>) =>
  Effect.flatMap(Owner, ({ check, self }) => check({ ...self, ...change })).pipe(Effect.provide(ProcessOwner.layer))

const isLinux = Fs.existsSync("/proc/self/stat")

const startOf = (pid: number) => {
  const stat = Fs.readFileSync(`/proc/${pid}/stat`, "utf8")
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? ""
}

/** A process that waits until its scope ends. */
const waiting = Effect.acquireRelease(
  Effect.async<number>((resume) => {
    const child = spawn("sleep", ["60"])
    child.once("spawn", () => resume(Effect.succeed(child.pid ?? 0)))
  }),
  (pid) => Effect.sync(() => process.kill(pid, "SIGKILL"))
)

describe("a process", () => {
  it.effect("knows itself, and is alive", () =>
    Effect.gen(function*() {
      const { self } = yield* Owner
      assert.strictEqual(self.pid, process.pid)
      assert.notStrictEqual(self.system, "")
      assert.notStrictEqual(self.host, "")
      assert.strictEqual(yield* check({}), "alive")
    }).pipe(Effect.provide(ProcessOwner.layer)))

  it.effect("that has ended is dead", () =>
    Effect.gen(function*() {
      const { pid } = spawnSync("true")
      assert.strictEqual(yield* check({ pid }), "dead")
      assert.strictEqual(yield* check({ pid, startedAt: "" }), "dead")
    }))

  it.effect("of another boot, machine or container cannot be told", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* check({ system: "another" }), "unknown")
      const { pid } = spawnSync("true")
      assert.strictEqual(yield* check({ system: "another", pid }), "unknown")
    }))

  it.effect("is only known by its id where the system does not say when it was started", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* check({ startedAt: "" }), "alive")
    }))
})

describe.runIf(isLinux)("a process of Linux", () => {
  it.scoped("that is another one is alive as long as it runs", () =>
    Effect.gen(function*() {
      const pid = yield* waiting
      assert.strictEqual(yield* check({ pid, startedAt: startOf(pid) }), "alive")
    }))

  it.scoped("that has the id of an older one is not that one", () =>
    Effect.gen(function*() {
      const pid = yield* waiting
      assert.strictEqual(yield* check({ pid, startedAt: `${Number(startOf(pid)) - 1}` }), "dead")
      assert.strictEqual(yield* check({ startedAt: "1" }), "dead")
    }))

  it("is known to have ended before its parent has noticed", () => {
    // the shell's child ends while the shell, which became another program, does not wait for it
    const shell = spawn("sh", ["-c", "true & echo $!; exec sleep 60"])
    return new Promise<void>((resolve, reject) => {
      shell.stdout.once("data", (data: Buffer) => {
        const pid = Number(data.toString().trim())
        const ended = () => /\) [ZX] /.test(Fs.readFileSync(`/proc/${pid}/stat`, "utf8"))
        const startedAt = startOf(pid)
        while (!ended());
        Effect.runPromise(check({ pid, startedAt })).then((answer) => {
          shell.kill("SIGKILL")
          assert.strictEqual(answer, "dead")
        }).then(resolve, reject)
      })
    })
  })
})
