import { afterEach, assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { inDirectory } from "../lib/inDirectory.ts"
import { directoryWith, root } from "../lib/node.ts"
import { callsOf, callsOfRun, plan } from "../lib/planned.ts"
import { contentOf, git, repositoryWith } from "../lib/repository.ts"

/** What an example needs to do something. */
const argsOf: Readonly<Record<string, object>> = {
  "02-typed-output.ts": { issues: ["one", "two", "three"] },
  "04-fan-out.ts": { directory: "notes" },
  "12-worktrees.ts": { tasks: ["one", "two"] }
}

const examples = Fs.readdirSync(Path.join(root, "examples")).filter((name) =>
  /\.(?:ts|yaml)$/.test(name) &&
  /export default|^nodes:/m.test(Fs.readFileSync(Path.join(root, "examples", name), "utf8"))
)

const { TMPDIR: temporaryBefore } = process.env

afterEach(() => {
  if (temporaryBefore === undefined) delete process.env["TMPDIR"]
  else process.env["TMPDIR"] = temporaryBefore
})

const project = () => repositoryWith({ "notes/a.md": "# A\n", "notes/b.md": "# B\n", "shared.txt": "0\n" })

describe("dry run", () => {
  for (const name of examples) {
    it.live(`predicts every call of examples/${name} and leaves nothing`, () =>
      Effect.gen(function*() {
        const cwd = project()
        const file = Path.join(root, "examples", name)
        const args = argsOf[name] ?? {}
        const before = contentOf(cwd)
        const temporary = directoryWith({})
        process.env["TMPDIR"] = temporary
        const made = yield* inDirectory(cwd, plan(file, { argsJson: JSON.stringify(args) }))
        assert.deepStrictEqual(contentOf(cwd), before)
        assert.deepStrictEqual(Fs.readdirSync(temporary), [])
        assert.deepStrictEqual(callsOf(made), (yield* inDirectory(cwd, callsOfRun(file, cwd, args))).calls)
        assert.isAbove(made.totals.calls, 0)
      }))
  }
  for (const [name, cwd] of [["seed/workflow.yaml", "seed"], ["seed/counts.yaml", "seed"]] as const) {
    it.live(`predicts every call of the graph ${name}`, () =>
      Effect.gen(function*() {
        const directory = directoryWith({})
        Fs.cpSync(Path.join(root, "test/fixtures/graphs", cwd), directory, { recursive: true })
        const file = Path.join(directory, Path.basename(name))
        const before = contentOf(directory)
        const made = yield* inDirectory(directory, plan(file))
        assert.deepStrictEqual(contentOf(directory), before)
        assert.deepStrictEqual(callsOf(made), (yield* inDirectory(directory, callsOfRun(file, directory, {}))).calls)
        assert.isAbove(made.totals.calls, 0)
      }))
  }

  it.live("walks every node type of a graph at once, without running its programs, waits and approvals", () =>
    Effect.gen(function*() {
      const directory = directoryWith({})
      Fs.cpSync(Path.join(root, "test/fixtures/graphs/full"), directory, { recursive: true })
      Fs.writeFileSync(Path.join(directory, "scripts/collect.py"), "open('ran', 'w')\n")
      git(directory, "init", "--quiet")
      git(directory, "add", "--all")
      git(directory, "commit", "--quiet", "--message=begin")
      const before = contentOf(directory)
      const params = JSON.stringify({ channel: "beta", audience: "users" })
      const made = yield* inDirectory(directory, plan(Path.join(directory, "flow.yaml"), { params, provider: "fake" }))
      assert.deepStrictEqual(contentOf(directory), before)
      const labels = made.tree.calls.map(({ label }) => label)
      assert.includeMembers(labels, ["collect", "draft", "summarize[0]", "summarize[1]"])
      assert.isTrue(made.notes.some((note) => note.includes("programs of the graph were not run")))
      assert.isAbove(made.models.find(({ provider }) => provider === "claude")?.input_tokens ?? 0, 0)
    }))

  it.live("passes over waits and takes it that a person agrees", () =>
    Effect.gen(function*() {
      const made = yield* planOfBody(`
        yield* Wait.duration("night", "8 hours")
        const seen = yield* Wait.condition("flag", Effect.succeed(false), { what: "a flag" })
        const answer = yield* Wait.approval("go", { question: "Shall I?" })
        if (!seen || answer === null || !answer.approved) return "no"
        yield* agent("after", { label: "after" })
        return "yes"`)
      assert.strictEqual(made.status, "done")
      assert.deepStrictEqual(made.tree.calls.map(({ label }) => label), ["after"])
    }))

  it.live("estimates tokens and costs by the prices of the provider that is named, call by call and summed", () =>
    Effect.gen(function*() {
      const body = `
        yield* phase("ask")
        yield* agent("x".repeat(4000), { label: "long" })
        yield* agent("short", { label: "short", maxOutputTokens: 100 })`
      const made = yield* planOfBody(body, { provider: "openai", model: "gpt-5.4-mini", outputTokens: 1000 })
      const [long, short] = made.tree.calls
      assert.deepInclude(long, { provider: "openai", model: "gpt-5.4-mini", requests: 1, output_tokens: 1000 })
      assert.deepInclude(short, { output_tokens: 100 })
      assert.isAtLeast(long?.input_tokens ?? 0, 1000)
      assert.isBelow(long?.input_tokens ?? 0, 1500)
      const { cost_usd: cost, cost_usd_at_most: most } = made.totals
      assert.closeTo(cost ?? 0, (long?.cost_usd ?? 0) + (short?.cost_usd ?? 0), 1e-9)
      assert.isAbove(long?.cost_usd ?? 0, 0)
      assert.isAbove(most ?? 0, cost ?? 0)
      assert.deepStrictEqual(made.phases.map(({ calls, phase }) => [phase, calls]), [["ask", 2]])
      assert.deepInclude(made.models[0], { provider: "openai", calls: 2, cost_usd: cost })
    }))

  it.live("says that a price is not known instead of taking it for nothing", () =>
    Effect.gen(function*() {
      const made = yield* planOfBody("yield* agent(\"a\")", { provider: "openai", model: "nobody-knows-this-1" })
      assert.isNull(made.totals.cost_usd)
      assert.isNull(made.totals.cost_usd_at_most)
    }))

  it.live("is refused what the provider cannot do, and stops at the budget, as the run would be", () =>
    Effect.gen(function*() {
      const mutating = yield* planOfBody("yield* agent(\"a\", { writeScope: [\"src\"] })", { provider: "openai" })
      assert.strictEqual(mutating.status, "failed")
      assert.strictEqual(mutating.error?.kind, "InvalidCall")
      assert.deepInclude(mutating.totals, { calls: 1, requests: 0 })
      const body = "for (let i = 0; i < 50; i++) yield* agent(`number ${i}`)"
      const broke = yield* planOfBody(body, { provider: "openai", budgetTokens: 20_000, outputTokens: 1000 })
      assert.strictEqual(broke.error?.kind, "BudgetExceeded")
      assert.isAbove(broke.totals.requests, 2)
      assert.isBelow(broke.totals.requests, 25)
    }))

  it.live("stops a program that never has enough, and shows what it did", () =>
    Effect.gen(function*() {
      const endless = yield* planOfBody("for (;;) yield* agent(\"again\")", { maxRequests: 7 })
      assert.strictEqual(endless.status, "stopped")
      assert.include(endless.error?.message, "more than 7 requests")
      assert.strictEqual(endless.totals.requests, 7)
      const asleep = yield* planOfBody("yield* agent(\"once\")\n yield* Effect.sleep(\"1 hour\")", { maxSeconds: 0.5 })
      assert.include(asleep.error?.message, "longer than 0.5 seconds")
      assert.strictEqual(asleep.totals.calls, 1)
    }))

  it.live("shows the calls of a program that fails, and why it does", () =>
    Effect.gen(function*() {
      const made = yield* planOfBody("yield* agent(\"first\")\n throw new Error(\"no such luck\")")
      assert.strictEqual(made.status, "failed")
      assert.include(made.error?.message, "no such luck")
      assert.strictEqual(made.totals.calls, 1)
    }))

  it.live("knows that a worktree cannot be made where there is no repository", () =>
    Effect.gen(function*() {
      const body = "yield* agent(\"edit\", { isolation: \"worktree\" })"
      const outside = yield* planOfBody(body)
      assert.strictEqual(outside.tree.calls[0]?.status, "worktree_failed")
      const cwd = project()
      const before = contentOf(cwd)
      const inside = yield* inDirectory(cwd, plan(fileOf(body)))
      assert.strictEqual(inside.tree.calls[0]?.status, "done")
      const gone = yield* inDirectory(cwd, plan(fileOf(body.replace("}", ", worktreeBase: \"nowhere\" }"))))
      assert.include(gone.tree.calls[0]?.error, "'nowhere' is no commit")
      assert.deepStrictEqual(contentOf(cwd), before)
    }))

  it.live("says which key a run would need", () =>
    Effect.gen(function*() {
      const before = process.env["DEEPSEEK_API_KEY"]
      delete process.env["DEEPSEEK_API_KEY"]
      const made = yield* planOfBody("yield* agent(\"a\")", { provider: "deepseek" })
      if (before !== undefined) process.env["DEEPSEEK_API_KEY"] = before
      assert.include(made.notes.join("\n"), "DEEPSEEK_API_KEY")
    }))

  it.live("fails where a run could not be started: the file, the arguments, the provider", () =>
    Effect.gen(function*() {
      const file = yield* Effect.flip(plan("/nowhere/flow.ts"))
      assert.deepInclude(file, { _tag: "WorkflowFileError" })
      const args = yield* Effect.flip(plan(fileOf("yield* agent(\"a\")"), { args: ["no=1"] }))
      assert.deepInclude(args, { _tag: "UsageError" })
      const provider = yield* Effect.flip(plan(fileOf("yield* agent(\"a\")"), { provider: "openaix" }))
      assert.deepInclude(provider, { _tag: "ProviderUnavailable" })
    }))
})

/** A workflow file with a body. */
function fileOf(body: string): string {
  return Path.join(
    directoryWith({
      "flow.ts": `import * as Effect from "effect/Effect"
import { agent, phase, Wait, Workflow } from "open-agent-workflows"
export const used = [Effect, phase, Wait]
export default Workflow.make({ name: "tried" }, function*() {
${body}
})`
    }),
    "flow.ts"
  )
}

function planOfBody(body: string, asked: Parameters<typeof plan>[1] = {}) {
  const file = fileOf(body)
  return inDirectory(Path.dirname(file), plan(file, asked))
}
