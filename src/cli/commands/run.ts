/**
 * `owf run FILE`: starts a run of a workflow file.
 */
import * as Effect from "effect/Effect"
import { CachePolicy } from "../../domain/Status.ts"
import * as Flag from "../Flag.ts"
import { Exited, Host } from "../Host.ts"
import * as Spec from "../Spec.ts"

/**
 * Starts a run of a workflow file.
 * @category constructors
 * @since 0.1.0
 */
export const run = Spec.make({
  name: "run",
  summary: "Run a workflow file",
  details: "The result goes to stdout, progress to stderr. Without --provider the offline provider answers. " +
    "What a run completed is kept: after a failure or Ctrl-C, `owf resume` goes on where it stopped. " +
    "A graph's run has a name, <workflow>-<run-id>: the same command goes on with it until it has ended, and then " +
    "starts anew.",
  positional: {
    name: "file",
    description: "A .ts, .mts, .js or .mjs file that exports a workflow as its default, or a .yaml graph"
  },
  examples: [
    "owf run flow.ts",
    "owf run flow.ts --provider anthropic --budget-cost-usd 2",
    "owf run flow.ts --arg topic=tests --arg depth=3 --json",
    "owf run flow.yaml --cli claude --params '{\"repo\":\"~/src/app\"}' --run-id nightly"
  ],
  flags: {
    provider: Flag.text("provider", "NAME", "Who answers the calls that name nobody (default: fake, offline and free)"),
    model: Flag.text("model", "NAME", "Model of the calls that name none (default: the provider's)"),
    budgetTokens: Flag.number("budget-tokens", "N", "Tokens the run may use, over all resumes", {
      least: 0,
      whole: true
    }),
    budgetCostUsd: Flag.number("budget-cost-usd", "USD", "Dollars the run may cost, over all resumes", {
      least: 0,
      whole: false
    }),
    cachePolicy: Flag.choice(
      "cache-policy",
      `Use of earlier runs' answers: ${CachePolicy.literals.join(", ")} (default: auto)`,
      CachePolicy.literals
    ),
    argsJson: Flag.text("args-json", "OBJECT", "Arguments of the workflow as a JSON object; - reads it from stdin"),
    args: Flag.repeated("arg", "KEY=VALUE", "One argument, which wins over --args-json; may be repeated"),
    params: Flag.text("params", "OBJECT", "Variables of a graph as a JSON object, which win over --params-file"),
    paramsFile: Flag.text("params-file", "PATH", "File with the variables of a graph as a JSON object"),
    runId: Flag.text("run-id", "ID", "Name of the run beside its workflow (default for graphs: default)"),
    fresh: Flag.flag("fresh", "Start anew although the run of this name has not ended"),
    cli: Flag.text("cli", "NAME", "The same as --provider (default for graphs: AGENT_CLI)"),
    strict: Flag.flag("strict", "Fail where a declared fallback would stand in for an answer"),
    quiet: Flag.flag("quiet", "Print no progress"),
    events: Flag.events,
    noColor: Flag.noColor,
    json: Flag.json,
    home: Flag.home,
    debug: Flag.debug
  }
}, (options, file) =>
  Effect.gen(function*() {
    const { loader } = yield* Host
    const code = yield* loader.run({ ...options, file })
    if (code !== 0) return yield* new Exited({ code })
  }))
