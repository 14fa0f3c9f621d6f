import { assert, describe, it } from "@effect/vitest"
import * as Fs from "node:fs"
import * as Host from "./host.ts"
import { book, eventually, isAlive, shell, stateOf, tree, treeSize } from "./programs.ts"

const mebibyte = 1_048_576

/** Sentinels of a process. */
const sentinelsOf = (host: number): ReadonlyArray<number> =>
  Fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => {
    try {
      const stat = Fs.readFileSync(`/proc/${pid}/stat`, "latin1")
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1])
      return parent === host && Fs.readFileSync(`/proc/${pid}/cmdline`, "latin1").includes("owf-sentinel")
    } catch {
      return false
    }
  })

describe("PC-9: memory does not grow with", () => {
  it("1 GiB of output", async () => {
    const report = await Host.report({ sink: "all", command: shell("head -c 1073741824 /dev/zero") })
    assert.strictEqual(report.ended?.outputBytes, 1024 * mebibyte)
    assert.isBelow(report.memory, 64 * mebibyte)
  }, 60_000)

  it("1 GiB of errors, of which the end is kept", async () => {
    const script = "head -c 1073741824 /dev/zero >&2; printf 'the end' >&2"
    const report = await Host.report({ sink: "all", command: shell(script) })
    assert.isBelow(report.memory, 64 * mebibyte)
    assert.isTrue(report.ended?.stderr.endsWith("the end"))
    assert.strictEqual(report.ended?.stderrLength, 65_536)
  })

  it("a line of 300 MB", async () => {
    const report = await Host.report({ sink: "lines", command: shell("head -c 300000000 /dev/zero; echo; echo short") })
    assert.deepStrictEqual(report.lines, { lines: 1, dropped: 1, invalidUtf8: false })
    assert.isBelow(report.memory, 64 * mebibyte)
  }, 60_000)

  it("a million lines", async () => {
    const report = await Host.report({ sink: "lines", command: shell("yes '{\"type\":\"text\"}' | head -n 1000000") })
    assert.deepStrictEqual(report.lines, { lines: 1_000_000, dropped: 0, invalidUtf8: false })
    assert.isBelow(report.memory, 64 * mebibyte)
  }, 60_000)

  it("output without end", async () => {
    const report = await Host.report({ sink: "all", command: shell("yes", { maxOutputBytes: 100 * mebibyte }) })
    assert.strictEqual(report.ended?.endedBy, "output")
    assert.isBelow(report.memory, 64 * mebibyte)
  }, 60_000)
})

describe("500 programs", () => {
  it("one after the other leave no process, no descriptor and no listener", async () => {
    const host = Host.start({ sink: "all", count: 500, command: shell("cat; exit 1", { input: "x" }) })
    const { code, stdout } = await host.ended
    assert.strictEqual(code, 0)
    const report = JSON.parse(stdout) as Host.Report
    assert.deepInclude(report, { zombies: 0, descriptors: 0, listeners: 0 })
    assert.deepInclude(report.ended, { code: 1, outputBytes: 1 })
  }, 60_000)
})

describe("a supervisor", () => {
  const orders = (...scripts: ReadonlyArray<string>): Host.Orders => ({
    sink: "all",
    command: shell(scripts[0]!),
    commands: scripts.map((script) => shell(script))
  })

  /** A host with a sentinel, and two trees. */
  const started = async (isStubborn: boolean) => {
    const pages = [book(), book()]
    const host = Host.start(orders(...pages.map((page) => tree(page, "echo up; sleep 300", { isStubborn }))))
    await eventually("the trees are there", () => pages.every((page) => page.ids().length === treeSize))
    const living = () => pages.flatMap((page) => page.living())
    return { host, living, sentinels: () => sentinelsOf(host.pid) }
  }

  for (const isStubborn of [false, true]) {
    it(`that is killed leaves nothing of ${isStubborn ? "stubborn " : ""}programs`, async () => {
      const { host, living, sentinels } = await started(isStubborn)
      const [sentinel = 0, ...more] = sentinels()
      assert.deepStrictEqual(more, [])
      assert.strictEqual(living().length, 2 * treeSize)
      host.kill("SIGKILL")
      await host.ended
      const at = performance.now()
      await eventually("the trees are gone", () => living().length === 0)
      // 5 seconds of grace are in it
      assert.isBelow(performance.now() - at, 10_000)
      await eventually("the sentinel is gone", () => !isAlive(sentinel))
    }, 60_000)
  }

  it("ends them when it is asked to end", async () => {
    const { host, living } = await started(false)
    host.kill("SIGINT")
    const { code, stderr } = await host.ended
    assert.strictEqual(code, 130, stderr)
    assert.deepStrictEqual(living(), [])
  })

  for (const times of [2, 3, 20]) {
    it(`ends them at once when it is asked ${times} times, however stubborn they are`, async () => {
      const { host, living } = await started(true)
      host.kill("SIGINT")
      await eventually("it stops", () => host.said().includes("stopping"))
      assert.strictEqual(living().length, 2 * treeSize)
      const at = performance.now()
      for (let n = 1; n < times; n++) {
        host.kill("SIGINT")
        await new Promise((resolve) => setTimeout(resolve, 1000 / times / 2))
      }
      const { code } = await host.ended
      assert.strictEqual(code, 130)
      assert.isBelow(performance.now() - at, 4_000)
      assert.deepStrictEqual(living(), [])
    })
  }

  it("TI-4: does not take the time it was stopped for silence", async () => {
    const page = book()
    // says something all the time, which nobody hears while the supervisor is stopped
    const script = `n=0; while [ $n -lt 40 ]; do echo $$ >> ${page.path}; echo; sleep 0.1; n=$((n + 1)); done`
    const host = Host.start({ sink: "all", command: shell(script), idleTimeout: 1500 })
    await eventually("it runs", () => page.ids().length > 3)
    host.kill("SIGSTOP")
    await eventually("it is stopped", () => stateOf(host.pid) === "T")
    const count = page.ids().length
    await eventually("time has passed", () => page.ids().length > count + 25)
    host.kill("SIGCONT")
    const { stdout } = await host.ended
    assert.deepInclude((JSON.parse(stdout) as Host.Report).ended, { endedBy: "itself", outputBytes: 40 })
  })

  it("has another sentinel when the first is killed", async () => {
    const { host, living, sentinels } = await started(false)
    const [first = 0] = sentinels()
    process.kill(first, "SIGKILL")
    await eventually("there is another", () => sentinels().some((pid) => pid !== first))
    host.kill("SIGKILL")
    await host.ended
    await eventually("the trees are gone", () => living().length === 0)
  })
})
