/**
 * `owf run FILE`: starts a run of a workflow file.
 */
import { CachePolicy } from "../../domain/Status.ts"
import * as Flag from "../Flag.ts"
import * as Spec from "../Spec.ts"
import * as Loading from "./loading.ts"
import { reading } from "./shared.ts"

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
  positional: Loading.workflowFile,
  examples: [
    "owf run flow.ts",
    "owf run flow.ts --provider anthropic --budget-cost-usd 2",
    "owf run flow.ts --arg topic=tests --arg depth=3 --json",
    "owf run flow.yaml --cli claude --params '{\"repo\":\"~/src/app\"}' --run-id nightly"
  ],
  flags: {
    provider: Flag.text("provider", "NAME", "Who answers the calls that name nobody (default: fake, offline and free)"),
    model: Loading.model,
    ...Loading.budget({
      tokens: "Tokens the run may use, over all resumes",
      costUsd: "Dollars the run may cost, over all resumes"
    }),
    cachePolicy: Flag.choice(
      "cache-policy",
      `Use of earlier runs' answers: ${CachePolicy.literals.join(", ")} (default: auto)`,
      CachePolicy.literals
    ),
    ...Loading.input,
    runId: Flag.text("run-id", "ID", "Name of the run beside its workflow (default for graphs: default)"),
    fresh: Flag.flag("fresh", "Start anew although the run of this name has not ended"),
    cli: Loading.cli,
    strict: Loading.strict,
    ...Loading.showing,
    ...reading
  }
}, (options, file) => Loading.endWith(({ loader }) => loader.run({ ...options, file })))
