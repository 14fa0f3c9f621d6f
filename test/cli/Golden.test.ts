/**
 * What the commands print that `test/report/Commands.test.ts` shows nothing of, as text and as JSON.
 *
 * The commands run in this process over the host the command itself has; what differs from machine to machine and from
 * day to day is replaced by its name.
 */
import * as NodeContext from "@effect/platform-node/NodeContext"
import { afterAll, assert, beforeAll, describe, expect, it, vi } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { agent, Owf, Scripted, Workflow } from "open-agent-workflows"
import { RunStore } from "open-agent-workflows/store/RunStore"
import * as Cli from "../../src/cli/Cli.ts"
import { Host } from "../../src/cli/Host.ts"
import { Output } from "../../src/cli/Output.ts"
import * as CliMain from "../../src/node/CliMain.ts"
import * as CliProcess from "../../src/node/CliRunProcess.ts"
import { openAi } from "../batch/openAiVendor.ts"
import * as Vendors from "../batch/vendor.ts"
import { inDirectory } from "../lib/inDirectory.ts"
import { directoryWith } from "../lib/node.ts"
import { repositoryWith } from "../lib/repository.ts"
import { answered, finished, newRun, outcome, runId } from "../lib/store.ts"
import { fill, ids, store } from "../report/world.ts"
import type { Ran } from "./owf.ts"
import { normal, transcript } from "./owf.ts"

// what a person has set up for agents is not what is tested
const personal = Object.keys(process.env).filter((name) =>
  /^(?:OWF|AGENT|CLAUDE|CODEX|COPILOT|GEMINI|XDG)_|_API_KEY$|_TOKEN$/.test(name)
)
const machine = directoryWith({})
beforeAll(() => {
  for (const name of personal) vi.stubEnv(name, undefined)
  vi.stubEnv("HOME", machine)
  vi.stubEnv("PATH", `${Path.join(machine, "bin")}:/usr/bin:/bin`)
  vi.stubEnv("NO_COLOR", "1")
  vi.stubEnv("CI", "1")
})
afterAll(() => void vi.unstubAllEnvs())

const streams = [["stdout", process.stdout], ["stderr", process.stderr]] as const

/** Runs the command in a directory; commands that run workflows write to the streams of the process, which are kept. */
const owf = async (directory: string, words: ReadonlyArray<string>): Promise<Ran> => {
  const texts = { stdout: "", stderr: "" }
  const release = streams.map(([name, stream]) => {
    const before = stream.listeners("error")
    const kept = vi.spyOn(stream, "write").mockImplementation((text, ...rest) => {
      texts[name] += String(text)
      for (const done of rest) if (typeof done === "function") done()
      return true
    })
    return () => {
      kept.mockRestore()
      for (const one of stream.listeners("error")) if (!before.includes(one)) stream.off("error", one as () => void)
    }
  })
  const services = Layer.mergeAll(
    NodeContext.layer,
    Layer.sync(Output, CliProcess.output),
    Layer.succeed(Host, CliMain.host)
  )
  try {
    const code = await Effect.runPromise(inDirectory(directory, Effect.provide(Cli.main(words), services)))
    return { code, ...texts }
  } finally {
    for (const one of release) one()
  }
}

const stable = (text: string): string =>
  text
    .replaceAll(machine, "<home>")
    .replaceAll(/batch-[0-9a-z-]{20,}/g, "<batch>")
    .replaceAll(/\b[0-9a-f]{40}\b/g, "<commit>")
    .replaceAll(/127\.0\.0\.1:\d+/g, "127.0.0.1:<port>")
    .replaceAll(/Node [\d.]+ on [\w ]+/g, "Node <version>")
    .replaceAll(/[\d.]+ at [^\s"]+\/git\b/g, "<version> at <git>")
    .replaceAll(/(effect|platform) [\d.]+/g, "$1 <version>")
    .replaceAll(/SQLite [\d.]+, by [\w:-]+/g, "SQLite <version>, by <driver>")
    .replaceAll(/\b[\d.]+ (?:B|KiB|MiB)\b/g, "<size>")
    .replaceAll(/("(?:freed_)?bytes": )\d+/g, "$1\"<size>\"")

/** How the file with what a command prints is named, its words, and the exit code when it is not 0. */
type Shown = readonly [name: string, words: ReadonlyArray<string>, code?: number]

const check = async (directory: string, [name, words, code = 0]: Shown): Promise<void> => {
  const ran = await owf(directory, words)
  const aligned = stable(transcript(directory, words, ran))
  // the width of a column with sizes depends on them
  const shown = words[0] === "gc" ? aligned.replaceAll(/  +/g, "  ") : aligned
  assert.strictEqual(ran.code, code, shown)
  if (!words.includes("--json")) {
    return await expect(shown).toMatchFileSnapshot(`../golden/output/${name}.txt`)
  }
  // one document, whatever the exit code is
  const document = JSON.stringify(JSON.parse(ran.stdout), undefined, 2)
  await expect(`${stable(normal(directory, document))}\n`).toMatchFileSnapshot(`../golden/output/${name}.json`)
}

/** Tests in an order that matters: each command finds what those before it left. */
const prints = (directory: () => string, ...all: ReadonlyArray<Shown>): void => {
  for (const shown of all) it(`owf ${shown[1].join(" ")}, as ${shown[0]}`, () => check(directory(), shown))
}

const both = (name: string, words: ReadonlyArray<string>, code = 0): ReadonlyArray<Shown> => [
  [name, words, code],
  [name, [...words, "--json"], code]
]

describe("what the commands about files print", () => {
  const directory = directoryWith({
    "bad.yaml": "start: nowhere\nnodes:\n  - {id: say, type: agent, next: done}\n  - {id: done, type: terminall}\n"
  })
  prints(
    () => directory,
    ["init", ["init"]],
    ["init", ["init", "--json"]],
    ["new", ["new", "flow.ts"]],
    ["new", ["new", "flows/other.yaml", "--json"]],
    ...both("new-list", ["new", "--list"]),
    ["new-exists", ["new", "flow.ts"], 2],
    ["new-exists", ["new", "flow.ts", "--json"], 2],
    ...both("examples", ["examples"]),
    ...both("graph", ["graph", "flows/other.yaml"]),
    ...both("graph-dot", ["graph", "flows/other.yaml", "--format", "dot"]),
    ["graph-out", ["graph", "flow.ts", "--out", "flow.mmd"]],
    ["graph-out", ["graph", "flow.ts", "--out", "flow.mmd", "--force", "--json"]],
    ["eject", ["eject", "flows/other.yaml"]],
    ["eject", ["eject", "flows/other.yaml", "--out", "ejected.ts", "--json"]],
    ...both("validate-code", ["validate", "flow.ts"]),
    ...both("validate-graph", ["validate", "flows/other.yaml"]),
    ...both("validate-bad", ["validate", "bad.yaml"], 2),
    ...both("dry-run", ["dry-run", "flows/other.yaml", "--provider", "anthropic", "--model", "claude-opus-4-6"]),
    ["run", ["run", "flow.ts"]],
    ["run", ["run", "flow.ts", "--json"]],
    ...both("resume-done", ["resume", "latest"])
  )
})

describe("what the commands about the installation print", () => {
  const directory = directoryWith({})
  beforeAll(() => {
    Fs.mkdirSync(Path.join(machine, "bin"))
    Fs.writeFileSync(Path.join(machine, "bin/claude"), "#!/bin/sh\necho '2.1.329 (Claude Code)'\n", { mode: 0o755 })
    Fs.mkdirSync(Path.join(machine, ".workflows"))
    Fs.writeFileSync(
      Path.join(machine, ".workflows/providers.json"),
      JSON.stringify({
        providers: {
          half: { base_url: "https://llm.example.org" },
          third: { base_url: "https://llm.example.org" },
          house: {
            kind: "anthropic",
            base_url: "https://llm.example.org",
            default_model: "m",
            api_key_env: "HOUSE_KEY"
          }
        }
      })
    )
    Fs.writeFileSync(Path.join(machine, ".workflows/prices.json"), "{\"house-1\": [1.5, 2]}")
  })
  afterAll(() => Fs.rmSync(Path.join(machine, ".workflows"), { recursive: true }))
  prints(
    () => directory,
    ...both("providers", ["providers"]),
    ...both("prices", ["prices", "claude-opus-4-6", "house-1", "no-such-model"]),
    ...both("doctor", ["doctor"], 8)
  )
})

describe("what the commands about worktrees print", () => {
  let directory: string
  beforeAll(async () => {
    directory = repositoryWith({ "a.txt": "a\n", ".gitignore": ".workflows/\n" })
    const provider = Scripted.make((request) => {
      Fs.writeFileSync(Path.join(request.cwd ?? directory, "new.txt"), "new\n")
      return Scripted.answer("done")
    })
    const workflow = Workflow.make({ name: "work" }, () => agent("add", { label: "add", isolation: "worktree" }))
    const layer = Owf.layer({ cwd: directory, provider: provider.name, providers: [provider], environment: {} })
    await Effect.runPromise(Effect.provide(Workflow.start(workflow, {}), layer))
  })
  prints(
    () => directory,
    ...both("worktrees", ["worktrees", "list"]),
    ...both("diff", ["diff", "latest_call_0001"]),
    ...both("apply", ["apply", "latest_call_0001"]),
    ...both("gc", ["gc", "--older-than", "0m", "--runs"]),
    ["gc-apply", ["gc", "--older-than", "0m", "--apply"]],
    ["gc-apply", ["gc", "--older-than", "0m", "--apply", "--json"]],
    ["worktrees-none", ["worktrees", "list"]]
  )
})

describe("what the commands about runs that did not end well print", () => {
  const directory = directoryWith({})
  const [done, failed, waiting, working] = [runId(11), runId(12), runId(13), runId(14)]
  const open = Effect.runSync(Scope.make())
  const make = Effect.gen(function*() {
    yield* fill
    const runs = yield* RunStore
    const create = (...parameters: Parameters<typeof newRun>) =>
      Effect.map(runs.create(newRun(...parameters), null), ({ ownership }) => ownership)
    yield* runs.finish(yield* create(done), finished(done, { outputJson: "{\"n\":1}" }))
    const owned = yield* create(failed, { workflowName: "review", scriptPath: "/project/review.ts" })
    const error = "401: the key is not valid"
    yield* answered(runs, owned, failed, 1, {
      outcome: outcome(failed, 1, { status: "provider_failed", outputText: null, errorKind: "Authentication", error })
    })
    yield* runs.finish(owned, finished(failed, { status: "failed", errorKind: "ProviderFailed", errorMessage: error }))
    const asked = yield* create(waiting, { workflowName: "deploy", scriptPath: "/project/deploy.yaml" })
    for (const [name, question] of [["gate", "Ship it?"], ["budget", "Go on above $10?"], ["last", null]] as const) {
      yield* runs.ask({ runId: waiting, name, question, at: Date.UTC(2026, 4, 28, 15) })
    }
    yield* runs.finish(asked, finished(waiting, { status: "interrupted", errorKind: "Interrupted" }))
    yield* create(working, { workflowName: "long", at: Date.now() })
  })
  // a run is let go with the store of whoever works on it
  beforeAll(() =>
    Effect.runPromise(Effect.flatMap(
      Layer.buildWithScope(store(Path.join(directory, ".workflows")), open),
      (context) => Effect.provide(make, context)
    ))
  )
  afterAll(() => Effect.runPromise(Scope.close(open, Exit.void)))
  prints(
    () => directory,
    ...both("runs", ["runs"]),
    ...both("status-failed", ["status", failed]),
    ...both("status-interrupted", ["status", waiting]),
    ...both("health-done", ["health", done]),
    ...both("health-failed", ["health", failed], 8),
    ...both("health-interrupted", ["health", waiting], 8),
    ...both("health-working", ["health", working]),
    ...both("watch-done", ["watch", done]),
    ...both("watch-degraded", ["watch", ids.main], 10),
    ...both("watch-failed", ["watch", failed], 5),
    ...both("watch-interrupted", ["watch", waiting], 130),
    ...both("cancel-over", ["cancel", waiting]),
    ...both("cancel-elsewhere", ["cancel", working], 7),
    ...both("approve-several", ["approve", waiting], 2),
    ["approve", ["approve", waiting, "gate", "--message", "after the freeze"]],
    ["approve", ["approve", waiting, "budget", "--reject", "--json"]],
    ...both("approve-again", ["approve", waiting, "gate"], 2),
    ["approve-last", ["approve", waiting]],
    ...both("approve-nobody", ["approve", waiting], 2),
    ["status-answered", ["status", waiting]]
  )
})

describe("what the commands about batches print", () => {
  const directory = directoryWith({
    "prompts.jsonl": "\"one\"\n{\"prompt\":\"two\",\"custom_id\":\"b\",\"note\":\"x\"}\n",
    "prices.json": "{\"m\": [1, 10]}"
  })
  const scope = Effect.runSync(Scope.make())
  let vendor: Vendors.Vendor
  beforeAll(async () => {
    vendor = await Effect.runPromise(Scope.extend(Vendors.serve(openAi()), scope))
    vi.stubEnv("OWF_PROVIDER_HOUSE_BASE_URL", `${vendor.url}/v1`)
    vi.stubEnv("OWF_PROVIDER_HOUSE_MODEL", "m")
    vi.stubEnv("OWF_PROVIDER_HOUSE_API_KEY_ENV", "HOUSE_KEY")
    vi.stubEnv("HOUSE_KEY", Vendors.key)
    vi.stubEnv("OWF_PRICES_FILE", Path.join(directory, "prices.json"))
  })
  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))
  const submit = ["batch", "submit", "prompts.jsonl", "--provider", "house"]
  prints(
    () => directory,
    ["batch-submit", submit],
    ...both("batch-status", ["batch", "status", "latest"]),
    ...both("batch-fetch-early", ["batch", "fetch", "latest"])
  )
  it("the vendor answers one request of two", () => {
    for (const job of vendor.jobs) vendor.end(job, "completed", (index) => index === 0 ? "answer" : "error")
    assert.lengthOf(vendor.jobs, 1)
  })
  prints(
    () => directory,
    ...both("batch-wait", ["batch", "wait", "latest"], 1),
    ...both("batch-fetch", ["batch", "fetch", "latest"], 1),
    ["batch-fetch-out", ["batch", "fetch", "latest", "--out", "rows.jsonl"], 1],
    ["batch-fetch-out", ["batch", "fetch", "latest", "--out", "rows.jsonl", "--force", "--json"], 1],
    ["batch-submit", [...submit, "--json"]],
    ...both("batch-cancel", ["batch", "cancel", "latest"]),
    ...both("batch-list", ["batch", "list"])
  )
})

describe("the files with what the commands print", () => {
  const files = ["output", "report"].flatMap((name) =>
    Fs.readdirSync(Path.join(import.meta.dirname, "../golden", name))
  )
  for (const { name } of Cli.specs.filter((spec) => spec.name !== "mcp")) {
    it(`has text and JSON of owf ${name}`, () => {
      const own = files.filter((file) => /^[.-]/.test(file.slice(name.length)) && file.startsWith(dashed(name)))
      for (const ending of [".txt", ".json"]) assert.isTrue(own.some((file) => file.endsWith(ending)), ending)
    })
  }
})

const dashed = (name: string): string => name.replace(" ", "-")
