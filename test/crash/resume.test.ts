import * as Fs from "node:fs"
import * as Path from "node:path"
import { assert, beforeAll, describe, it } from "vitest"
import * as Crash from "../lib/crash.ts"
import * as Invariants from "../lib/invariants.ts"
import { git } from "../lib/repository.ts"

/** Forty calls: thirty alone, and five pairs of which the second depends on the first. */
const script = `
import * as Effect from "effect/Effect"
import { agent, parallel, Workflow } from "open-agent-workflows"

const single = (n: number) => Effect.map(agent(\`item \${n}\`), ({ value }) => value)

const pair = (n: number) =>
  Effect.gen(function*() {
    const first = yield* agent(\`pair \${n}\`)
    const second = yield* agent(\`follow up on \${first.value}\`)
    return second.value
  })

export default Workflow.make({ name: "forty" }, () => {
  const numbers = (size: number) => Array.from({ length: size }, (_, n) => n)
  const calls = [...numbers(30).map(single), ...numbers(5).map(pair)]
  return Effect.map(parallel(calls), (all) => all.map((item) => typeof item === "string" ? item : item.status))
})
`

const hung = "item 17"

const scriptOf = (scene: Crash.Scene, text: string): string => {
  const path = Path.join(scene.directory, "forty.ts")
  Fs.writeFileSync(path, text)
  return path
}

describe("a fan-out of forty calls killed when one is missing", () => {
  let killed: Crash.Scene
  let cut: Invariants.Cut
  let output: string | null

  beforeAll(async () => {
    const other = Crash.newScene()
    output = (await Crash.report(other, { action: "start", workflow: scriptOf(other, script) })).outputJson

    killed = Crash.newScene()
    const process = Crash.start(killed, {
      action: "start",
      workflow: scriptOf(killed, script),
      latency: { seed: 1, least: 0, most: 60 },
      hang: [hung]
    })
    await Crash.until("39 calls are done", () => Crash.snapshot(killed.home).done.size === 39)
    process.kill("SIGKILL")
    assert.strictEqual((await process.ended).signal, "SIGKILL")
    cut = Invariants.cut(killed)
    assert.strictEqual(cut.done.size, 39)
    assert.strictEqual(cut.requests, 40)
  })

  /** Takes the run up with a script and gives what was asked, how many calls were replayed, and the output. */
  const resumeWith = async (text: string, seed: number) => {
    const scene = Crash.copyOf(killed)
    const report = await Crash.report(scene, {
      action: "resume",
      workflow: scriptOf(scene, text),
      latency: { seed, least: 0, most: 60 }
    })
    assert.strictEqual(report.status, "done")
    const found = Invariants.afterEnd(scene, report)
    Invariants.paidOnce(scene, [cut], 42)
    return {
      asked: Crash.asked(scene).slice(cut.requests).map(({ prompt }) => prompt),
      replayed: found.calls.filter(({ cache_status }) => cache_status === "replayed").length,
      output: report.outputJson
    }
  }

  for (const seed of [2, 3]) {
    it(`asks for that one and replays the others (latencies ${seed})`, async () => {
      assert.deepStrictEqual(await resumeWith(script, seed), { asked: [hung], replayed: 39, output })
    })
  }

  it("asks for no more after an edit of another line", async () => {
    const edited = script.replace("name: \"forty\"", "name: \"forty\", description: \"Forty calls\"")
      .replace("const single", "const unused = 1\n\nconst single")
    assert.notStrictEqual(edited, script)
    assert.deepStrictEqual(await resumeWith(edited, 4), { asked: [hung], replayed: 39, output })
  })

  it("asks for an edited prompt and what depends on it besides", async () => {
    const edited = script.replace("`pair ${n}`", "n === 3 ? \"couple\" : `pair ${n}`")
    assert.notStrictEqual(edited, script)
    const { asked, replayed } = await resumeWith(edited, 5)
    assert.strictEqual(asked.length, 3)
    assert.sameMembers(asked.slice(0, 2), [hung, "couple"])
    assert.match(asked.find((prompt) => prompt.startsWith("follow"))!, /^follow up on about couple/)
    assert.strictEqual(replayed, 37)
  })
})

describe("equal prompts in one run", () => {
  /** What each asker saw, by its name. */
  const answers = (scene: Crash.Scene, pid: number): Record<string, unknown> =>
    Object.fromEntries(Crash.seen(scene).filter((seen) => seen.pid === pid).map(({ name, value }) => [name, value]))

  it("are asked once each, and replayed to the one that asked, at whatever speed it goes", async () => {
    const scene = Crash.newScene()
    const process = Crash.start(scene, { action: "start", workflow: "samples", hang: ["last"], pauses: [0, 20, 40] })
    await Crash.until("only the last call is missing", () => Crash.snapshot(scene.home).done.size === 12)
    process.kill("SIGKILL")
    assert.strictEqual((await process.ended).signal, "SIGKILL")
    const cut = Invariants.cut(scene)
    const before = answers(scene, process.pid)
    const samples = Object.entries(before).filter(([name]) => /^(?:alone|together)/.test(name))
    assert.strictEqual(new Set(samples.map(([, value]) => value)).size, 6, "six requests, six answers")

    const resumed = Crash.start(scene, { action: "resume", workflow: "samples", pauses: [80, 40, 0] })
    const { report } = await resumed.ended
    assert.strictEqual(report?.status, "done")
    Invariants.afterEnd(scene, report!)
    assert.deepStrictEqual(Crash.asked(scene).slice(cut.requests).map(({ prompt }) => prompt), ["last"])
    const { last, ...after } = answers(scene, resumed.pid)
    assert.isString(last)
    assert.deepStrictEqual(after, before)
  })

  it("keep their answers when a branch that had not come to its own gets there first", async () => {
    const scene = Crash.newScene()
    const process = Crash.start(scene, { action: "start", workflow: "samples", hang: ["before 1"] })
    await Crash.until("the other branches are done", () => Crash.snapshot(scene.home).done.size === 3 + 2 * 3)
    process.kill("SIGKILL")
    assert.strictEqual((await process.ended).signal, "SIGKILL")
    const cut = Invariants.cut(scene)
    const before = answers(scene, process.pid)

    const resumed = Crash.start(scene, { action: "resume", workflow: "samples", pauses: [300, 0, 300] })
    const { report } = await resumed.ended
    assert.strictEqual(report?.status, "done")
    Invariants.afterEnd(scene, report!)
    assert.deepInclude(answers(scene, resumed.pid), before)
    const asked = Crash.asked(scene).slice(cut.requests).map(({ prompt }) => prompt.split(":")[0])
    assert.deepStrictEqual(asked, ["before 1", "sample together", "after 1", "last"])
  })
})

describe("a mutating call", () => {
  it("is replayed while what it may change is as it left it", async () => {
    const scene = Crash.newScene()
    const process = Crash.start(scene, { action: "start", workflow: "mutating", hang: ["look at them"] })
    await Crash.until("the next call is asked", () => Crash.asked(scene).length === 2)
    process.kill("SIGKILL")
    assert.strictEqual((await process.ended).signal, "SIGKILL")
    const report = await Crash.report(scene, { action: "resume", workflow: "mutating" })
    assert.deepStrictEqual(JSON.parse(report.outputJson!)[0], "work on the notes: 1")
    assert.strictEqual(Crash.asked(scene).length, 3)
    Invariants.afterEnd(scene, report)
  })

  it("that is killed half-way is made again in a new tree, and its old one is kept; one that was done is not", async () => {
    const scene = Crash.newScene()
    git(scene.directory, "init", "--quiet")
    git(scene.directory, "commit", "--quiet", "--allow-empty", "--message=begin")
    const head = git(scene.directory, "rev-parse", "HEAD")
    const process = Crash.start(scene, { action: "start", workflow: "isolated", hang: ["write the second"] })
    const [first, second] = await Crash.until(
      "the second is asked",
      () => Crash.asked(scene).length === 2 && Crash.asked(scene)
    )
    const trees = Path.join(scene.home, "runs", first!.callId.replace(/_call_.*/, ""), "worktrees")
    const notes = (tree: string) => Fs.readFileSync(Path.join(trees, tree, "notes.txt"), "utf8")
    await Crash.until("it has written", () => Fs.existsSync(Path.join(trees, second!.callId, "notes.txt")))
    process.kill("SIGKILL")
    assert.strictEqual((await process.ended).signal, "SIGKILL")

    const report = await Crash.report(scene, { action: "resume", workflow: "isolated" })
    assert.strictEqual(report.status, "done")
    assert.deepStrictEqual(Crash.asked(scene).map(({ prompt }) => prompt), [
      "write the first",
      "write the second",
      "write the second"
    ])
    assert.deepStrictEqual(Fs.readdirSync(trees).toSorted(), [
      first!.callId,
      second!.callId,
      `${second!.callId}-2`
    ])
    assert.strictEqual(notes(first!.callId), "write the first: 1\n")
    assert.strictEqual(notes(second!.callId), "write the second: 1\n")
    assert.strictEqual(notes(`${second!.callId}-2`), "write the second: 2\n")
    const calls = Crash.snapshot(scene.home).calls
    assert.deepStrictEqual(calls.map((call) => call["worktree_path"]), [
      Path.join(Fs.realpathSync(trees), first!.callId),
      Path.join(Fs.realpathSync(trees), `${second!.callId}-2`)
    ])
    // nothing happened to the checkout, and nothing can be collected
    assert.strictEqual(git(scene.directory, "rev-parse", "HEAD"), head)
    assert.isFalse(Fs.existsSync(Path.join(scene.directory, "notes.txt")))
    assert.notInclude(git(scene.directory, "fsck", "--unreachable", "--no-reflogs"), "unreachable commit")
    Invariants.afterEnd(scene, report)
  })

  it("that is made again leaves the files of its last answer", async () => {
    const scene = Crash.newScene()
    const process = Crash.start(scene, { action: "start", workflow: "mutating", hang: ["look at them"] })
    const [work] = await Crash.until(
      "the next call is asked",
      () => Crash.asked(scene).length === 2 && Crash.asked(scene)
    )
    const output = Path.join(Crash.callDirectory(scene, work!.callId), "output.txt")
    await Crash.until("the files of the first are written", () => Fs.existsSync(output))
    process.kill("SIGKILL")
    assert.strictEqual((await process.ended).signal, "SIGKILL")
    Fs.writeFileSync(Path.join(scene.directory, "notes.txt"), "somebody else\n")
    const report = await Crash.report(scene, { action: "resume", workflow: "mutating" })
    assert.strictEqual(report.status, "done")
    assert.deepStrictEqual(JSON.parse(report.outputJson!)[0], "work on the notes: 2")
    Invariants.afterEnd(scene, report)
  })
})
