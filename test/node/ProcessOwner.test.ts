import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { ChildProcessByStdio } from "node:child_process"
import { spawn, spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import type { Readable } from "node:stream"
import * as ProcessOwner from "open-agent-workflows/node/ProcessOwner"
import { Owner } from "open-agent-workflows/store/Owner"

const check = (change: Partial<Owner["Type"]["self"]>) =>
  Effect.flatMap(Owner, ({ check, self }) => check({ ...self, ...change })).pipe(Effect.provide(ProcessOwner.layer))

const isLinux = Fs.existsSync("/proc/self/stat")

const startOf = (pid: number) => {
  const stat = Fs.readFileSync(`/proc/${pid}/stat`, "utf8")
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? ""
}

/** A process that is ended with its scope. */
const started = (command: string, ...args: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.async<ChildProcessByStdio<null, Readable, null>>((resume) => {
      const child = spawn(command, args, { stdio: ["ignore", "pipe", "ignore"] })
      child.once("spawn", () => resume(Effect.succeed(child)))
    }),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )

const waiting = Effect.map(started("sleep", "60"), ({ pid }) => pid ?? 0)

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

  it.effect("is never a group of processes, nor all of them, whatever a record says", () =>
    Effect.gen(function*() {
      for (const pid of [0, -1, -process.pid]) {
        assert.strictEqual(yield* check({ pid, startedAt: "" }), "dead", String(pid))
        assert.isFalse(ProcessOwner.exists(pid))
      }
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

  it.scopedLive("is known to have ended before its parent has noticed", () =>
    Effect.gen(function*() {
      // the child ends after the shell has become a program that does not know of it
      const shell = yield* started("sh", "-c", "sleep 0.2 & echo $!; exec sleep 60")
      const pid = yield* Effect.async<number>((resume) => {
        shell.stdout.once("data", (data: Buffer) => resume(Effect.succeed(Number(data.toString().trim()))))
      })
      const startedAt = startOf(pid)
      const hasEnded = Effect.sync(() => /\) [ZX] /.test(Fs.readFileSync(`/proc/${pid}/stat`, "utf8")))
      yield* Effect.repeat(hasEnded, { until: (ended) => ended, schedule: Schedule.spaced("10 millis") })
      assert.strictEqual(yield* check({ pid, startedAt }), "dead")
    }))
})
