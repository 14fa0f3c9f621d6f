import * as Fs from "node:fs"
import * as Path from "node:path"
import { assert, describe, it } from "vitest"
import * as Crash from "../lib/crash.ts"
import * as Invariants from "../lib/invariants.ts"
import { randomFrom, seed } from "../lib/random.ts"

/**
 * What a disk may hold after the power failed: the log up to some byte that was synced, and behind it nothing or
 * anything. What the workflow had seen when the log was no longer than that must be there; of what came later, whole
 * calls or nothing.
 */
const remains = (files: Crash.Files, length: number, random: () => number): ReadonlyArray<Crash.Files> => {
  const torn = Buffer.from(files.log)
  for (let at = length; at < torn.length; at++) torn[at] = Math.floor(random() * 256)
  return [{ ...files, log: files.log.subarray(0, length) }, { ...files, log: torn }]
}

describe("a run whose machine lost power", () => {
  it(`has everything it had seen, and goes on (seed ${seed})`, async () => {
    const random = randomFrom(seed)
    const orders = { workflow: "journey", latency: { seed: 1, least: 5, most: 25 } }
    const other = Crash.newScene()
    const uninterrupted = await Crash.report(other, { action: "start", ...orders })
    const last = Crash.asked(other).at(-1)!.prompt

    // it never comes to its end, so that its log is not folded into the database under our eyes
    const scene = Crash.newScene()
    const process = Crash.start(scene, { action: "start", ...orders, hang: [last] })
    const moments: Array<{ readonly files: Crash.Files; readonly seen: ReturnType<typeof Crash.seen> }> = []
    for (const number of [1, 5, 9, 13, 17, 21]) {
      await Crash.until(`${number} results were seen`, () => Crash.seen(scene).length >= number)
      moments.push({ seen: Crash.seen(scene), files: Crash.filesOf(scene.home) })
    }
    process.kill("SIGKILL")
    assert.strictEqual((await process.ended).signal, "SIGKILL")

    for (const { files, seen } of moments) {
      assert.isTrue(files.database.equals(moments[0]!.files.database), "everything is in the log")
      const lengths = seen.slice(-4).map(({ walSize }) => walSize)
      for (let more = 0; more < 8; more++) lengths.push(Math.floor(random() * (files.log.length + 1)))
      for (const length of lengths) {
        for (const left of remains(files, length, random)) {
          const found = Crash.snapshotOf(left)
          Invariants.whole(found)
          Invariants.hasEverythingSeen(found, seen.filter(({ walSize }) => walSize <= length))
        }
      }
    }

    const { files, seen } = moments.at(-2)!
    const [cut] = remains(files, seen.at(-3)!.walSize, random)
    const after = Crash.newScene()
    Fs.mkdirSync(after.home)
    Fs.writeFileSync(Path.join(after.home, "workflow.sqlite"), cut!.database)
    Fs.writeFileSync(Path.join(after.home, "workflow.sqlite-wal"), cut!.log)
    const before = Crash.snapshot(after.home)
    const resumed = await Crash.report(after, { action: "resume", ...orders })
    assert.deepStrictEqual([resumed.status, resumed.outputJson], ["done", uninterrupted.outputJson])
    Invariants.afterEnd(after, resumed)
    assert.deepStrictEqual(Crash.asked(after).filter(({ callId }) => before.done.has(callId)), [])
  })
})
