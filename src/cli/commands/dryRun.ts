/**
 * `owf dry-run FILE`: executes a workflow with answers that are made up, and shows what a run would come to.
 */
import * as Flag from "../Flag.ts"
import * as Spec from "../Spec.ts"
import * as Loading from "./loading.ts"
import { reading } from "./shared.ts"

/**
 * Executes a workflow with answers that are made up, and shows what a run would come to.
 * @category constructors
 * @since 0.1.0
 */
export const dryRun = Spec.make({
  name: "dry-run",
  summary: "Show the calls a run would make and what they would cost",
  details: "The workflow is executed with answers that are made up: nothing is asked of a provider, no home, file, " +
    "branch or worktree is made, programs of graphs are not run, waits are passed over and approvals given. What the " +
    "script does by itself, beside the verbs, it does here too. Tokens and costs are estimates for the provider and " +
    "model that are named.",
  positional: Loading.workflowFile,
  examples: [
    "owf dry-run flow.ts",
    "owf dry-run flow.ts --arg topic=tests --provider anthropic --model claude-sonnet-4-6",
    "owf dry-run flow.yaml --params '{\"topic\":\"tests\"}' --json"
  ],
  flags: {
    provider: Flag.text(
      "provider",
      "NAME",
      "Who would answer the calls that name nobody (default: fake, which is free)"
    ),
    model: Loading.model,
    ...Loading.budget({ tokens: "Tokens the run might use", costUsd: "Dollars the run might cost" }),
    ...Loading.input,
    cli: Loading.cli,
    strict: Loading.strict,
    outputTokens: Flag.number("output-tokens", "N", "Tokens every answer is taken to have (default: 500)", {
      least: 0,
      whole: true
    }),
    maxRequests: Flag.number("max-requests", "N", "Requests after which it is stopped (default: 10000)", {
      least: 1,
      whole: true
    }),
    maxSeconds: Flag.number("max-seconds", "N", "Seconds after which it is stopped (default: 300)", {
      least: 1,
      whole: false
    }),
    ...reading
  }
}, (options, file) => Loading.endWith(({ loader }) => loader.dryRun({ ...options, file })))
