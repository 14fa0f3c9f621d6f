import * as Fs from "node:fs"
import * as Path from "node:path"
import { assert, describe, it } from "vitest"
import * as Crash from "../lib/crash.ts"
import * as Invariants from "../lib/invariants.ts"

const crowd = { workflow: "crowd", args: { size: 6, concurrency: 2 } }

const queue = { workflow: "queue", args: { size: 3 } }

const statusOf = async (scene: Crash.Scene) => (await Crash.report(scene, { action: "status", workflow: "" })).status

/** A run of six calls whose process is killed after the third. */
const killed = async (): Promise<{ readonly scene: Crash.Scene; readonly cut: Invariants.Cut }> => {
  const scene = Crash.newScene()
  const kill = { step: "call.settle", moment: "after", hit: 3 } as const
  const { signal, stderr, stdout } = await Crash.run(scene, { action: "start", ...crowd, kill })
  assert.strictEqual(signal, "SIGKILL", stdout + stderr)
  return { scene, cut: Invariants.cut(scene) }
}

const touch = (file: string): void => Fs.writeFileSync(file, "")

describe("the owner of a run", () => {
  it("is one of eight processes that take the run up at once", async () => {
    const { cut, scene } = await killed()
    assert.strictEqual(await statusOf(scene), "interrupted", "nobody works on it")

    const barrier = Path.join(scene.directory, "barrier")
    const gate = Path.join(scene.directory, "gate")
    const processes = Array.from({ length: 8 }, () => Crash.start(scene, { action: "resume", ...crowd, barrier, gate }))
    await Crash.until("all are ready", () => Crash.ready(scene).length === 8)
    touch(barrier)
    const ended: Array<Crash.Ended> = []
    for (const process of processes) void process.ended.then((end) => ended.push(end))
    await Crash.until("all but one have given up", () => ended.length === 7, () => ended)
    const owner = processes.find(({ pid }) => !ended.some((end) => end.pid === pid))
    for (const { report } of ended) {
      assert.strictEqual(report?.failure?.tag, "RunOwned")
      assert.include(report?.failure?.message, `is owned by process ${owner?.pid} `)
    }
    assert.strictEqual(await statusOf(scene), "running")

    touch(gate)
    const { report } = (await owner?.ended) ?? {}
    assert.deepInclude(report, { status: "done", attempt: 2 })
    Invariants.afterEnd(scene, report!)
    Invariants.paidOnce(scene, [cut], 6)
  })

  it("that was stopped until its lease lapsed writes and sends nothing more", async () => {
    const scene = Crash.newScene()
    const gate = Path.join(scene.directory, "gate")
    const first = Crash.start(scene, { action: "start", ...queue, gate })
    await Crash.until("its first request is under way", () => Crash.asked(scene).length === 1)
    first.kill("SIGSTOP")
    await Crash.until("it is stopped", () => stateOf(first.pid) === "T")
    Crash.forge(scene.home, "UPDATE leases SET heartbeat_at = heartbeat_at - ?", 120_000)

    const report = await Crash.report(scene, { action: "resume", ...queue })
    assert.deepInclude(report, { status: "done", attempt: 2 })
    const after = Crash.snapshot(scene.home)

    touch(gate)
    first.kill("SIGCONT")
    const { report: late } = await first.ended
    assert.strictEqual(late?.failure?.tag, "OwnershipLost")
    assert.strictEqual(Crash.asked(scene).filter(({ pid }) => pid === first.pid).length, 1, "it sent nothing more")
    assert.deepStrictEqual(Crash.snapshot(scene.home), after, "it wrote nothing more")
    Invariants.afterEnd(scene, report)
  })

  it("is not mistaken for another process that has its id now", async () => {
    const { cut, scene } = await killed()
    Crash.forge(scene.home, "UPDATE leases SET pid = ?, heartbeat_at = ?", process.pid, Date.now())
    assert.strictEqual(await statusOf(scene), "interrupted")
    const report = await Crash.report(scene, { action: "resume", ...crowd })
    assert.deepInclude(report, { status: "done", attempt: 2 })
    Invariants.afterEnd(scene, report)
    Invariants.paidOnce(scene, [cut], 6)
  })

  it("on another system keeps the run while its lease lasts", async () => {
    const { scene } = await killed()
    Crash.forge(scene.home, "UPDATE leases SET system = ?, heartbeat_at = ?", "another boot", Date.now())
    const refused = await Crash.report(scene, { action: "resume", ...crowd })
    assert.strictEqual(refused.failure?.tag, "RunOwned")
    Crash.forge(scene.home, "UPDATE leases SET heartbeat_at = heartbeat_at - ?", 120_000)
    const report = await Crash.report(scene, { action: "resume", ...crowd })
    assert.deepInclude(report, { status: "done", attempt: 2 })
    Invariants.afterEnd(scene, report)
  })
})

/** The letter the system has for what a process is doing. */
const stateOf = (pid: number): string | undefined => /\) (\w) /.exec(Fs.readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1]
