import { assert, beforeAll, describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { Owf } from "open-agent-workflows"
import { RunStore } from "open-agent-workflows/store/RunStore"
import { inProcess } from "../cli/owf.ts"
import type { Ran } from "../cli/owf.ts"
import { directoryWith } from "../lib/node.ts"
import { ended, nano, newAttempt, newCall, newRun, outcome, runId, start } from "../lib/store.ts"
import { fill, ids, store } from "./world.ts"

/** The commands about one run that has something of everything, and an earlier one of the same workflow. */
let directory: string
beforeAll(async () => {
  directory = directoryWith({})
  await Effect.runPromise(Effect.provide(fill, store(Path.join(directory, ".workflows"))))
})

const owf = (...words: ReadonlyArray<string>): Promise<Ran> => inProcess(directory, ...words)

/** The ids and times are the same each time; where the test runs, and when it looks, are not. */
const shown = (text: string): string =>
  text
    .replaceAll(directory, "<dir>")
    .replaceAll(/"generated_at": \d+/g, "\"generated_at\": \"<now>\"")
    .replaceAll(/at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\. /g, "at <now>. ")

const transcript = (words: ReadonlyArray<string>, { code, stderr, stdout }: Ran): string =>
  shown(`$ owf ${words.join(" ")}\nexit ${code}\n${stdout}${stderr === "" ? "" : `stderr:\n${stderr}`}\n`)

const readers = [
  ["runs"],
  ["status", "latest"],
  ["output", "latest"],
  ["calls", "latest"],
  ["events", "latest"],
  ["usage", "latest"],
  ["usage", "latest", "--by", "phase"],
  ["explain-cache", "latest"],
  ["artifacts", "latest"],
  ["cat", "latest_call_0002"],
  ["diff-runs", ids.earlier, "latest"],
  ["report", "latest", "--stdout"]
] as const

describe("what the commands print about a run with something of everything", () => {
  for (const words of readers) {
    const name = words.filter((word) => !word.startsWith("latest") && word !== ids.earlier).join("-").replaceAll(
      "--",
      ""
    )
    it(`owf ${words.join(" ")}`, async () => {
      await expect(transcript(words, await owf(...words))).toMatchFileSnapshot(`../golden/report/${name}.txt`)
    })
    it(`owf ${words.join(" ")} as JSON`, async () => {
      const asJson = [...words.filter((word) => word !== "--stdout"), "--json"]
      const ran = await owf(...asJson)
      assert.strictEqual(ran.code, 0, ran.stdout)
      const text = `${JSON.stringify(JSON.parse(ran.stdout), undefined, 2)}\n`
      await expect(shown(text)).toMatchFileSnapshot(`../golden/report/${name}.json`)
    })
  }
})

describe("owf cat of a call without an answer", () => {
  it("is a mistake that names where the rest of it is", async () => {
    const id = `${ids.main}_call_0004`
    assert.deepStrictEqual(await owf("cat", id), {
      code: 2,
      stdout: "",
      stderr:
        `owf: Call ${id} is schema_failed and has no answer: The answer does not fit the schema: $.n is missing\n` +
        `  What its provider sent is kept: owf cat ${id} --raw\n` +
        `  All that is known of it: owf cat ${id} --json\n`
    })
    assert.deepStrictEqual(await owf("cat", id, "--raw"), { code: 0, stdout: "{\"m\": \"<i>\"}\n", stderr: "" })
    assert.strictEqual((await owf("cat", id, "--json")).code, 0)
    const cancelled = `${ids.main}_call_0007`
    for (const words of [[], ["--raw"]]) {
      const { code, stderr, stdout } = await owf("cat", cancelled, "--home", ".workflows", ...words)
      assert.deepStrictEqual([code, stdout], [2, ""])
      assert.include(stderr, `  All that is known of it: owf cat ${cancelled} --json --home .workflows\n`)
      assert.notInclude(stderr, "--raw")
    }
  })
})

describe("owf status", () => {
  const [empty, cut, live] = [runId(31), runId(32), runId(33)]
  const home = () => Path.join(directory, "stands")
  const statusOf = async (id: string): Promise<ReadonlyMap<string, string>> => {
    const { stdout } = await owf("status", id, "--home", home())
    return new Map([...stdout.matchAll(/^ *([\w ]+): +(.*)$/gm)].map(([, name = "", text = ""]) => [name, text]))
  }
  beforeAll(async () => {
    const broken = Effect.gen(function*() {
      const runs = yield* RunStore
      yield* runs.create(newRun(empty), null)
      const { ownership } = yield* runs.create(newRun(cut), null)
      for (const index of [1, 2]) {
        // of a model without a price nothing can be set aside
        const reserved = { tokens: 1000, cost: nano(0) }
        yield* runs.begin(ownership, newCall(cut, index), newAttempt(cut, index, { reserved }))
        const status = index === 1 ? "provider_failed" : "cancelled"
        yield* runs.settle(
          ownership,
          ended(cut, index, { status: "failed", cost: null, costSource: null, error: "503", at: start + 5_000 }),
          outcome(cut, index, { status, outputText: null, error: "503", cost: null, at: start + 5_000 })
        )
      }
    })
    await Effect.runPromise(Effect.provide(broken, store(home())))
  })

  it("tells how long a run took and what it cost only as far as it is known", async () => {
    const nothing = await statusOf(empty)
    assert.deepStrictEqual([nothing.get("status"), nothing.has("duration")], ["interrupted", false])
    assert.strictEqual(nothing.get("budget"), "0 tokens and $0 spent, no limit")
    const broken = await statusOf(cut)
    assert.deepStrictEqual([broken.get("status"), broken.get("duration")], ["interrupted", "5.0 s"])
    assert.strictEqual(broken.get("cost"), "unknown")
    assert.match(broken.get("budget") ?? "", /^\d+ tokens and unknown cost spent, no limit$/)
  })

  it("names a call that failed, and none that was broken off", async () => {
    const { stdout } = await owf("status", cut, "--home", home())
    assert.deepStrictEqual(stdout.match(/^failed: .*provider_failed|^failed: .*cancelled/gm)?.length, 1)
    assert.include(stdout, "1 provider_failed, 1 cancelled")
  })

  it("tells how long a run has been at work", async () => {
    const begun = Effect.gen(function*() {
      const runs = yield* RunStore
      const now = yield* Clock.currentTimeMillis
      yield* runs.create(newRun(live, { at: now - 7_200_000 }), null)
      return yield* Effect.promise(() => statusOf(live))
    })
    const standing = await Effect.runPromise(Effect.provide(begun, Owf.layerStore({ home: home(), mode: "write" })))
    assert.deepStrictEqual([standing.get("status"), standing.get("duration")], ["running", "2 h 0 min"])
  })
})

describe("owf report", () => {
  it("writes the report into the run's directory and prints where", async () => {
    const { code, stdout } = await owf("report", "latest")
    assert.deepStrictEqual([code, stdout], [0, `.workflows/runs/${ids.main}/report.md\n`])
    const file = Path.join(directory, stdout.trim())
    assert.strictEqual(shown(Fs.readFileSync(file, "utf8")), shown((await owf("report", "latest", "--stdout")).stdout))
    assert.strictEqual(Fs.statSync(file).mode & 0o777, 0o600)
    assert.deepStrictEqual(Fs.readdirSync(Path.dirname(file)).filter((name) => name.startsWith(".")), [])
  })

  it("writes where it is told to, and replaces what is there", async () => {
    const file = Path.join(directory, "out", "of the way.md")
    for (const words of [[], ["--github"]]) {
      const { code, stdout } = await owf("report", ids.main, "--out", file, ...words)
      assert.deepStrictEqual([code, stdout], [0, "out/of the way.md\n"])
    }
    assert.include(Fs.readFileSync(file, "utf8"), "<details>")
    assert.deepStrictEqual(Fs.readdirSync(Path.dirname(file)), ["of the way.md"])
  })

  it("writes the page, with the run in it", async () => {
    const { code, stdout } = await owf("report", "latest", "--html")
    assert.deepStrictEqual([code, stdout], [0, `.workflows/runs/${ids.main}/report.html\n`])
    const page = Fs.readFileSync(Path.join(directory, stdout.trim()), "utf8")
    assert.match(page, /^<!doctype html>/)
    assert.include(page, ids.main)
    assert.notInclude(page, "<script>alert(1)")
  })

  it("says so where it cannot write", async () => {
    Fs.writeFileSync(Path.join(directory, "file"), "")
    const { code, stderr } = await owf("report", "latest", "--out", Path.join(directory, "file", "report.md"))
    assert.strictEqual(code, 2)
    assert.include(stderr, "cannot be written")
  })

  for (
    const words of [
      ["--html", "--github"],
      ["--stdout", "--out", "x.md"],
      ["--json", "--html"]
    ]
  ) {
    it(`refuses ${words.join(" with ")}`, async () => {
      const { code, stderr, stdout } = await owf("report", "latest", ...words)
      assert.strictEqual(code, 2)
      assert.include(stderr + stdout, "exclude each other")
    })
  }

  it("knows a run that is not there", async () => {
    const { code, stderr } = await owf("report", "20990101-000000-0sj04k7m2x9q")
    assert.notStrictEqual(code, 0)
    assert.include(stderr, "There is no run")
  })
})

describe("owf diff-runs", () => {
  it("takes two runs, and not the same twice", async () => {
    for (const words of [[], ["latest"], ["latest", ids.earlier, ids.child], ["latest", ids.main]]) {
      const { code, stderr } = await owf("diff-runs", ...words)
      assert.strictEqual(code, 2, words.join(" "))
      assert.match(stderr, /Two runs are compared|are the same run/)
    }
  })

  it("lists what was reused when asked to", async () => {
    assert.notInclude((await owf("diff-runs", ids.earlier, "latest")).stdout, "=  0001")
    assert.include((await owf("diff-runs", ids.earlier, "latest", "--all")).stdout, "=  0001")
  })
})
