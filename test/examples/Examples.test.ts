import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as OwfTest from "../../src/node/OwfTest.ts"
import * as Fake from "../../src/provider/Fake.ts"
import type { Provider, Request } from "../../src/provider/Provider.ts"
import * as Scripted from "../../src/provider/Scripted.ts"
import type * as Engine from "../../src/workflow/Engine.ts"
import * as Workflow from "../../src/workflow/Workflow.ts"
import { directoryWith, root } from "../lib/node.ts"
import { git, repositoryWith } from "../lib/repository.ts"

const examples = Fs.readdirSync(Path.join(root, "examples")).filter((name) => /^\d\d-.*\.ts$/.test(name)).toSorted()

// registers the tests of that file here, so that what readers copy is run
await Effect.runPromise(load("10-testing.test.ts"))

describe("examples", () => {
  it.live("01-hello answers and gives the text", () =>
    Effect.gen(function*() {
      const { output, requests } = yield* run("01-hello.ts", {})
      assert.deepStrictEqual(output, { greeting: "Write a one-sentence welcome message for an AI workflow tool." })
      assert.lengthOf(requests, 1)
    }))

  it.live("02-typed-output labels every issue in order", () =>
    Effect.gen(function*() {
      const { output, requests } = yield* run("02-typed-output.ts", { issues: ["one", "two", "three"] })
      const labels = yield* decode(
        Schema.Array(Schema.Struct({ issue: Schema.String, label: Schema.Literal("bug", "feature", "question") })),
        output
      )
      assert.deepStrictEqual(labels.map(({ issue }) => issue), ["one", "two", "three"])
      assert.lengthOf(requests, 3)
    }))

  it.live("03-json-schema gives a checked value", () =>
    Effect.gen(function*() {
      const { output, requests } = yield* run("03-json-schema.ts", { topic: "dunes" })
      const quiz = Schema.Struct({ question: Schema.String, choices: Schema.Array(Schema.String), answer: Schema.Int })
      const { checked, quiz: { choices } } = yield* decode(Schema.Struct({ quiz, checked: Schema.Number }), output)
      assert.strictEqual(checked, 1)
      assert.isAtLeast(choices.length, 2)
      assert.lengthOf(requests, 1)
    }))

  it.live("04-fan-out summarises each file once and then all of them", () =>
    Effect.gen(function*() {
      const directory = directoryWith({ "a.md": "# A\n", "b/c.md": "# C\n", "d.txt": "not Markdown" })
      const { output, requests } = yield* run("04-fan-out.ts", { directory })
      const { files, summaries, synthesis } = yield* decode(
        Schema.Struct({
          files: Schema.Array(Schema.String),
          summaries: Schema.Array(Schema.Struct({
            file: Schema.String,
            title: Schema.String,
            summary: Schema.String,
            audience: Schema.Literal("users", "contributors", "both")
          })),
          synthesis: Schema.String
        }),
        output
      )
      assert.deepStrictEqual(files, [Path.join(directory, "a.md"), Path.join(directory, "b/c.md")])
      assert.deepStrictEqual(summaries.map(({ file }) => file), files)
      assert.include(synthesis, "these 2 documents")
      assert.lengthOf(requests, 3)
      assert.deepStrictEqual(requests.map(({ readScope }) => readScope), [...files.map((file) => [file]), []])
    }))

  it.live("05-panel asks every model once and then the judge", () =>
    Effect.gen(function*() {
      const { output, requests } = yield* run("05-panel.ts", { question: "Why?", models: ["m1", "m2"] })
      const { answers } = yield* decode(
        Schema.Struct({
          answers: Schema.Array(Schema.Struct({ model: Schema.String, text: Schema.String })),
          verdict: Schema.Struct({ best: Schema.String, because: Schema.String })
        }),
        output
      )
      assert.deepStrictEqual(answers, [{ model: "m1", text: "Why?" }, { model: "m2", text: "Why?" }])
      assert.lengthOf(requests, 3)
    }))

  it.live("05-panel fails with its own error when no model answers", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(run("05-panel.ts", {}, Scripted.make(Scripted.fail("Refused"))))
      assert.deepInclude(error, { _tag: "NoAnswers", models: ["small", "medium", "large"] })
    }))

  it.live("06-pipeline sends each topic through three stages", () =>
    Effect.gen(function*() {
      const { output, requests } = yield* run("06-pipeline.ts", { topics: ["tides", "dunes"] })
      const articles = yield* decode(Schema.Array(Schema.String), output)
      assert.lengthOf(articles, 2)
      assert.lengthOf(requests, 6)
    }))

  it.live("07-nested runs a child for each topic", () =>
    Effect.gen(function*() {
      const { output, requests } = yield* run("07-nested.ts", { topics: ["tides", "dunes", "glaciers"] })
      const { chapters, introduction } = yield* decode(
        Schema.Struct({
          introduction: Schema.String,
          chapters: Schema.Array(Schema.Struct({ topic: Schema.String, text: Schema.String }))
        }),
        output
      )
      assert.deepStrictEqual(chapters.map(({ topic }) => topic), ["tides", "dunes", "glaciers"])
      assert.include(introduction, "tides, dunes, glaciers")
      assert.lengthOf(requests, 7)
    }))

  it.live("08-budget writes everything when there is no limit", () =>
    Effect.gen(function*() {
      const { output, requests } = yield* run("08-budget.ts", {})
      assert.deepNestedInclude(output, { missing: [], "chapters.length": 4, spentTokens: 0 })
      assert.lengthOf(requests, 5)
    }))

  it.live("08-budget keeps enough for the summary when the budget does not reach", () =>
    Effect.gen(function*() {
      const provider = Scripted.make(Scripted.answer("text", { usage: { inputTokens: 20, outputTokens: 10 } }))
      const { output, requests } = yield* run("08-budget.ts", { summaryTokens: 30 }, provider, { tokens: 100 })
      // which two of the four get the tokens depends on which asks first
      const { chapters, missing, ...rest } = yield* decode(
        Schema.Struct({
          chapters: Schema.Array(Schema.String),
          missing: Schema.Array(Schema.String),
          summary: Schema.NullOr(Schema.String),
          spentTokens: Schema.Number
        }),
        output
      )
      assert.deepStrictEqual(rest, { summary: "text", spentTokens: 90 })
      assert.deepStrictEqual(chapters, ["text", "text"])
      assert.lengthOf(missing, 2)
      assert.lengthOf(requests, 3)
    }))

  it.live("09-application runs with any engine", () =>
    Effect.gen(function*() {
      const { provider, requests } = recorded(Fake.make())
      const { main } = yield* load<{ readonly main: Effect.Effect<unknown, unknown, Engine.Engine> }>(
        "09-application.ts"
      )
      const output = yield* Effect.provide(main, OwfTest.layer({ provider }))
      assert.deepStrictEqual(output, {
        triaged: [{ id: "T1", status: "done" }, { id: "T2", status: "done" }],
        labels: { T1: "bug", T2: "bug" }
      })
      assert.lengthOf(requests, 2)
    }))

  it.live("11-failures shows each way to meet a failure", () =>
    Effect.gen(function*() {
      const { output, requests } = yield* run("11-failures.ts", {})
      assert.deepNestedInclude(output, {
        "settled.ok": false,
        "settled.status": "failed",
        all: ["done", "failed", "done"],
        fast: ["done", "failed", "cancelled"]
      })
      assert.lengthOf(requests, 4)
    }))

  it.live("12-worktrees collects what each agent changed in its own tree", () =>
    Effect.gen(function*() {
      const cwd = repositoryWith({ "shared.txt": "0\n" })
      const provider = Scripted.make((request) => {
        if (request.cwd === undefined) return Scripted.answer("all of them")
        Fs.writeFileSync(Path.join(request.cwd, "shared.txt"), `${request.prompt}\n`)
        return Scripted.answer("done")
      })
      const { output, requests } = yield* run("12-worktrees.ts", { tasks: ["one", "two", "three"] }, provider, {}, cwd)
      const { changed, review } = yield* decode(
        Schema.Struct({
          changed: Schema.Array(Schema.Struct({ branch: Schema.String, files: Schema.Array(Schema.String) })),
          failed: Schema.Tuple(),
          review: Schema.String
        }),
        output
      )
      assert.strictEqual(review, "all of them")
      assert.deepStrictEqual(changed.map(({ files }) => files), [["shared.txt"], ["shared.txt"], ["shared.txt"]])
      assert.deepStrictEqual(changed.map(({ branch }) => git(cwd, "cat-file", "-t", branch)), [
        "commit",
        "commit",
        "commit"
      ])
      assert.include(requests[3]?.prompt, "+two")
      assert.strictEqual(git(cwd, "status", "--porcelain"), "")
    }))

  it.live("12-worktrees fails closed without a repository", () =>
    Effect.gen(function*() {
      const { output, requests } = yield* run("12-worktrees.ts", { tasks: ["one"] }, Fake.make(), {}, directoryWith({}))
      assert.deepNestedInclude(output, { changed: [], review: null, "failed[0].task": "one" })
      assert.lengthOf(requests, 0)
    }))

  it("are listed in the documentation, each of them once", () => {
    for (const document of ["README.md", "docs/README.md"]) {
      const text = Fs.readFileSync(Path.join(root, document), "utf8")
      const listed = [...text.matchAll(/^\|\s*\[`?(?:examples\/)?(\d\d-[\w.-]+\.ts)`?\]/gm)].map((match) => match[1])
      assert.deepStrictEqual(listed, examples, document)
    }
  })

  it("say in their first comment what they are and how to run them", () => {
    const silent = examples.filter((name) => {
      const text = Fs.readFileSync(Path.join(root, "examples", name), "utf8")
      return !/^\/\*\*\n \* \w[^\n]*\n \*\n \* [^\n]+\n \* [^\n]+\n \*\n \* {5}\S[^\n]*\n \*\/\n/.test(text) ||
        !text.includes(name)
    })
    assert.deepStrictEqual(silent, [])
  })
})

/** Runs the workflow of an example, on the fake provider unless another is given. */
const run = (
  file: string,
  args: object,
  provider: Provider = Fake.make(),
  budget: { readonly tokens?: number } = {},
  cwd?: string
) =>
  Effect.gen(function*() {
    const { default: workflow } = yield* load<{ readonly default: Workflow.Any }>(file)
    const watched = recorded(provider)
    // the requirements of a workflow that was loaded are not known; those of the examples are an engine
    const started = Workflow.start(workflow, args) as Effect.Effect<
      Engine.RunResult<unknown, unknown>,
      unknown,
      Engine.Engine
    >
    const output = yield* Effect.provide(
      Effect.flatMap(started, ({ exit }) => exit),
      OwfTest.layer({ provider: watched.provider, budget, cwd })
    )
    return { output, requests: watched.requests }
  })

function load<A>(file: string): Effect.Effect<A> {
  return Effect.promise(() => import(/* @vite-ignore */ Path.join(root, "examples", file)))
}

const recorded = (provider: Provider): { readonly provider: Provider; readonly requests: ReadonlyArray<Request> } => {
  const requests: Array<Request> = []
  return {
    requests,
    provider: {
      ...provider,
      ask: (request, listener) => {
        requests.push(request)
        return provider.ask(request, listener)
      }
    }
  }
}

const decode = <A, I>(schema: Schema.Schema<A, I>, value: unknown) => Schema.decodeUnknown(schema)(value)
