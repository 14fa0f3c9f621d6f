/**
 * The tools that help to write a workflow: templates, examples, providers, and what a file would do before it does.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Commands from "./Commands.ts"
import * as Fields from "./Fields.ts"
import { Host } from "./Host.ts"
import * as Problem from "./Problem.ts"
import * as Tool from "./Tool.ts"

/** A file is loaded, and its top level may do anything, but nothing of the workflow itself is done. */
const looking: Tool.Hints = { ...Tool.reading, openWorldHint: true }

const file = Fields.needed("The workflow file (.ts, .mts, .js, .mjs) or graph (.yaml), inside a root")
const unknownRecord = Schema.Record({ key: Schema.String, value: Schema.Unknown })

/** What a command in a process of its own prints as JSON. */
const inChild = (words: ReadonlyArray<string>, input: string) =>
  Effect.gen(function*() {
    const { child } = yield* Host
    const ran = yield* child(words, { input, line: () => Effect.void })
    return { ran, value: Commands.objectOf(yield* Commands.documentOf(ran)) ?? {} }
  })

const validate = Tool.make({
  name: "owf_validate_workflow",
  title: "Check a workflow file",
  description: "Whether a file loads, what arguments it takes, and its type errors with file and line. The file is " +
    "imported, so its top level runs, in a process of its own; the body of the workflow does not.",
  hints: looking,
  input: Schema.Struct({ path: file, no_types: Fields.flag("Leave the types unchecked") }),
  output: { valid: Schema.Boolean, diagnostics: Schema.Array(Schema.Unknown), warnings: Schema.Array(Schema.String) }
}, ({ no_types, path }) =>
  Effect.gen(function*() {
    const { file } = yield* Host
    const flags = Commands.options({ "no-types": no_types, json: true })
    const { value } = yield* inChild(["validate", ...flags, "--", yield* file(path)], "")
    return { value, isError: value["valid"] !== true }
  }))

const dryRun = Tool.make(
  {
    name: "owf_dry_run",
    title: "Try a workflow without a run",
    description:
      "Executes a workflow with answers that are made up: the calls it would make by phase, with tokens and " +
      "costs for the provider that is named. Nothing is asked of a provider and nothing is recorded.",
    hints: looking,
    input: Schema.Struct({
      path: file,
      args: Fields.args,
      provider: Fields.text("Who would answer the calls that name nobody (default: fake, which is free)"),
      model: Fields.text("Model of the calls that name none"),
      budget_tokens: Fields.whole("Tokens the run might use"),
      budget_cost_usd: Fields.amount("Dollars the run might cost"),
      max_seconds: Fields.whole("Seconds after which it is stopped (default: 300)", 1)
    }),
    output: {}
  },
  ({ args = {}, budget_cost_usd, budget_tokens, max_seconds, model, path, provider = "fake" }) =>
    Effect.gen(function*() {
      const { file } = yield* Host
      const flags = Commands.options({
        provider,
        model,
        "budget-tokens": budget_tokens,
        "budget-cost-usd": budget_cost_usd,
        "max-seconds": max_seconds,
        "args-json": "-",
        json: true
      })
      const { ran, value } = yield* inChild(["dry-run", ...flags, "--", yield* file(path)], JSON.stringify(args))
      return { value, isError: ran.code !== 0 }
    })
)

const newWorkflow = Tool.make({
  name: "owf_new_workflow",
  title: "Write a workflow to start from",
  description: "Writes a workflow from a template; it runs as it is, offline. owf_examples lists the templates.",
  hints: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: false },
  input: Schema.Struct({
    output_path: Fields.needed("The .ts file to write, or the .yaml file of a graph"),
    template_name: Fields.text("What to start from (default: hello, for a .yaml file graph)"),
    workspace_root: Fields.text("Directory inside a root the file has to lie in (default: the first root)"),
    allow_absolute: Fields.flag("Take an absolute path, which has to lie in a root all the same"),
    force: Fields.flag("Replace a file that exists")
  }),
  output: { path: Schema.String, template: Schema.String }
}, ({ allow_absolute = false, force, output_path, template_name, workspace_root }) =>
  Effect.gen(function*() {
    const { newFile } = yield* Host
    const target = yield* newFile({ path: output_path, root: workspace_root, allowAbsolute: allow_absolute })
    const flags = Commands.options({ template: template_name, force })
    return { value: yield* Commands.object("new", flags, target) }
  }))

const examples = Tool.make({
  name: "owf_examples",
  title: "Examples and templates",
  description:
    "Without name the examples that come with owf and the templates of owf_new_workflow; with name the text of " +
    "an example, or of the guide to writing workflows (name: guide).",
  hints: Tool.reading,
  input: Schema.Struct({ name: Fields.text("Name of an example, or guide") }),
  output: {
    items: Schema.optional(Schema.Array(unknownRecord)),
    templates: Schema.optional(Schema.Array(unknownRecord)),
    name: Schema.optional(Schema.String),
    text: Schema.optional(Schema.String)
  }
}, ({ name }) =>
  Effect.gen(function*() {
    const { packaged } = yield* Host
    if (name === "guide") {
      const text = yield* packaged("skills/owf/SKILL.md")
      return { value: { name, text }, text }
    }
    const items = yield* Commands.list("examples", [])
    if (name === undefined) {
      return { value: { items, templates: yield* Commands.list("new", ["--list"]) } }
    }
    const found = items.find((item) => item["name"] === name)
    if (found === undefined) {
      return yield* Problem.make(
        "UsageError",
        `There is no example '${name.slice(0, 80)}'.`,
        `There are guide, ${items.map((item) => String(item["name"])).join(", ")}.`
      )
    }
    const text = yield* packaged(String(found["path"]))
    return { value: { name, text }, text }
  }))

const providers = Tool.make({
  name: "owf_providers",
  title: "Providers",
  description:
    "Who can answer, what each can do, and what is missing to use it. Nothing is asked of them, and no key is shown.",
  hints: Tool.reading,
  input: Schema.Struct({}),
  output: { items: Schema.Array(unknownRecord) }
}, () => Effect.map(Commands.list("providers", []), (items) => ({ value: { items } })))

/**
 * The tools that help to write a workflow.
 * @category models
 * @since 0.1.0
 */
export const tools: ReadonlyArray<Tool.Tool> = [newWorkflow, examples, validate, dryRun, providers]
