/**
 * `owf batch submit FILE`: stores many prompts and sends them to their vendor as jobs.
 */
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import * as Flag from "../Flag.ts"
import { Host } from "../Host.ts"
import { note, Output, print, printJson } from "../Output.ts"
import * as Spec from "../Spec.ts"
import * as Usage from "../UsageError.ts"
import { end, next, withBatches } from "./batchShared.ts"
import { reading } from "./shared.ts"

/**
 * Stores many prompts and sends them to their vendor as jobs.
 * @category constructors
 * @since 0.1.0
 */
export const batchSubmit = Spec.make({
  name: "batch submit",
  summary: "Send many independent prompts as jobs, at half the price",
  details:
    "The file has a prompt on each line: a JSON string, or an object with prompt and, as needed, custom_id, model, system, " +
    "max_tokens and schema (a JSON Schema). Every line is checked before anything is sent. Providers are openai, anthropic, " +
    "gemini and custom ones of these kinds.",
  positional: { name: "file", description: "File of prompts, one on each line (JSONL)" },
  examples: [
    "owf batch submit prompts.jsonl --provider openai",
    "owf batch submit prompts.jsonl --provider anthropic --model claude-sonnet-4-6 --json"
  ],
  flags: {
    provider: Flag.text("provider", "NAME", "Provider whose batches are used"),
    model: Flag.text("model", "NAME", "Model of prompts that name none (default: the provider's own)"),
    ...reading
  }
}, ({ home, json, model, provider }, file) =>
  Effect.gen(function*() {
    if (provider === undefined) {
      return yield* Usage.make("owf batch submit needs --provider.", "Such as --provider openai; see owf providers.")
    }
    const output = yield* Output
    const { shown } = yield* Host
    const run = Runtime.runFork(yield* Effect.runtime<never>())
    const view = yield* withBatches(home, (batches, home) =>
      batches.submit({ home, file, provider, model }, ({ batch_id, unused_keys }) => {
        // told before anything is sent, so that whoever is cut off can go on with it
        if (!json) {
          run(output.print(`batch_id: ${batch_id}`))
        }
        if (unused_keys.length > 0) {
          run(output.note(`${shown(file)}: keys that mean nothing here: ${unused_keys.join(", ")}`))
        }
      }))
    if (json) {
      yield* printJson(view)
    } else {
      yield* print(
        `provider: ${view.provider}  model: ${view.model}  requests: ${view.count}  jobs: ${view.jobs.length}`
      )
      yield* next(view, home)
    }
    for (const { job, message } of view.problems) {
      yield* note(`job ${job}: ${message}`)
    }
    for (const { job, problems } of view.jobs) {
      for (const problem of problems) {
        yield* note(`job ${job}: ${problem}`)
      }
    }
    yield* end(view, home)
  }))
