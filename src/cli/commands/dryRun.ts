/**
 * `owf dry-run FILE`: executes a workflow with answers that are made up, and shows what a run would come to.
 */
import * as Effect from "effect/Effect"
import * as Flag from "../Flag.ts"
import { Exited, Host } from "../Host.ts"
import * as Spec from "../Spec.ts"

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
  positional: {
    name: "file",
    description: "A .ts, .mts, .js or .mjs file that exports a workflow as its default, or a .yaml graph"
  },
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
    model: Flag.text("model", "NAME", "Model of the calls that name none (default: the provider's)"),
    budgetTokens: Flag.number("budget-tokens", "N", "Tokens the run might use", { least: 0, whole: true }),
    budgetCostUsd: Flag.number("budget-cost-usd", "USD", "Dollars the run might cost", { least: 0, whole: false }),
    argsJson: Flag.text("args-json", "OBJECT", "Arguments of the workflow as a JSON object; - reads it from stdin"),
    args: Flag.repeated("arg", "KEY=VALUE", "One argument, which wins over --args-json; may be repeated"),
    params: Flag.text("params", "OBJECT", "Variables of a graph as a JSON object, which win over --params-file"),
    paramsFile: Flag.text("params-file", "PATH", "File with the variables of a graph as a JSON object"),
    cli: Flag.text("cli", "NAME", "The same as --provider (default for graphs: AGENT_CLI)"),
    strict: Flag.flag("strict", "Fail where a declared fallback would stand in for an answer"),
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
    json: Flag.json,
    home: Flag.home,
    debug: Flag.debug
  }
}, (options, file) =>
  Effect.gen(function*() {
    const { loader } = yield* Host
    const code = yield* loader.dryRun({ ...options, file })
    if (code !== 0) return yield* new Exited({ code })
  }))
