/**
 * `owf resume RUN_ID`: goes on with a run that was interrupted, failed or ran out of budget.
 */
import * as Flag from "../Flag.ts"
import * as Spec from "../Spec.ts"
import * as Loading from "./loading.ts"
import { reading, runId } from "./shared.ts"

/**
 * Goes on with a run that was interrupted, failed or ran out of budget.
 * @category constructors
 * @since 0.1.0
 */
export const resume = Spec.make({
  name: "resume",
  summary: "Go on with a run that did not finish",
  details: "Calls that were completed are answered from the run's record and sent to nobody. " +
    "A run that is done is shown again, and nothing is done.",
  positional: runId,
  examples: [
    "owf resume latest",
    "owf resume latest --budget-cost-usd 5",
    "owf resume 20260528-143201 --script moved/flow.ts",
    "owf resume nightly-default --from review"
  ],
  flags: {
    provider: Flag.text("provider", "NAME", "Who answers the calls that name nobody (default: the run's)"),
    model: Flag.text("model", "NAME", "Model of the calls that name none (default: the run's)"),
    ...Loading.budget({
      tokens: "New limit of tokens, what was used so far included",
      costUsd: "New limit of dollars, what was spent so far included"
    }),
    script: Flag.text("script", "PATH", "Where the workflow file is now, when it was moved"),
    from: Flag.text("from", "NODE", "Run a graph again from this node on, with the context as it was before it"),
    rerunMutating: Flag.flag(
      "rerun-mutating",
      "Make calls that may change files again, also where what they left still stands"
    ),
    strict: Loading.strict,
    ...Loading.showing,
    ...reading
  }
}, (options, run) => Loading.endWith(({ loader }) => loader.resume({ ...options, run })))
