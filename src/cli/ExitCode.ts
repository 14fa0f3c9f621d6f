/**
 * The exit codes of `owf`: one table for the command, its documentation and the scripts that depend on it.
 *
 * A number keeps its meaning for ever; a new meaning gets a new number.
 */
import * as Match from "effect/Match"

/**
 * Exit codes by what they mean.
 * @category models
 * @since 0.1.0
 */
export const ExitCode = {
  done: 0,
  failed: 1,
  usage: 2,
  budget: 3,
  store: 4,
  provider: 5,
  diverged: 6,
  owned: 7,
  unhealthy: 8,
  stopped: 9,
  degraded: 10,
  internal: 70,
  hangup: 129,
  interrupted: 130,
  terminated: 143
} as const

/**
 * Names of the exit codes.
 * @category models
 * @since 0.1.0
 */
export type Name = keyof typeof ExitCode

/**
 * What each exit code means and what to do next, in order of the codes.
 * @category models
 * @since 0.1.0
 */
export const table: ReadonlyArray<{ readonly name: Name; readonly meaning: string; readonly next: string }> = [
  { name: "done", meaning: "The command did what it was asked to.", next: "" },
  {
    name: "failed",
    meaning: "The workflow failed, its script ended the process, or git refused what a command asked of it.",
    next: "`owf status <run_id>` says why; `owf resume <run_id>` runs again what did not finish."
  },
  {
    name: "usage",
    meaning:
      "The command line, the workflow file or its arguments are not valid, or there is no such run, call or home.",
    next: "The message names what is accepted; `owf <command> --help` lists it."
  },
  {
    name: "budget",
    meaning: "The budget does not allow the next call; the run can be resumed.",
    next: "`owf resume <run_id> --budget-tokens …` or `--budget-cost-usd …` with a larger limit."
  },
  {
    name: "store",
    meaning: "The record of runs cannot be opened, read or written.",
    next: "The message says what is wrong with which file."
  },
  {
    name: "provider",
    meaning: "The provider does not exist, is not configured, or refuses its key.",
    next: "Set what the message names, or choose another one with `--provider`."
  },
  {
    name: "diverged",
    meaning: "A resumed run stands at a node that its graph does not have any more.",
    next:
      "Put the node back, go back to another with `owf resume <run_id> --from <node>`, or start anew with `--fresh`."
  },
  {
    name: "owned",
    meaning: "Another process runs this run, or took it over.",
    next: "Wait for it, or stop the process the message names."
  },
  {
    name: "unhealthy",
    meaning:
      "`owf doctor` found something that is set up and does not work, or `owf health` a run that does not get on.",
    next: "What to do stands beside each finding; `owf status <run_id>` shows the run, `owf resume <run_id>` goes on."
  },
  {
    name: "stopped",
    meaning: "A graph reached one of its limits, or waited too long; the run can be resumed.",
    next: "The message names the limit; raise it and run the same command again."
  },
  {
    name: "degraded",
    meaning: "The workflow ended, and values it declares stood in for answers nobody gave.",
    next: "`owf status <run_id>` names the calls; `--strict` makes it a failure."
  },
  { name: "internal", meaning: "A bug in `owf`.", next: "Run it again with `--debug` and report what it prints." },
  {
    name: "hangup",
    meaning: "The terminal was closed (SIGHUP); the run can be resumed.",
    next: "`owf resume <run_id>`"
  },
  { name: "interrupted", meaning: "Ctrl-C (SIGINT); the run can be resumed.", next: "`owf resume <run_id>`" },
  { name: "terminated", meaning: "SIGTERM; the run can be resumed.", next: "`owf resume <run_id>`" }
]

/**
 * Exit code of a command that fails with an error of this kind.
 *
 * **Details**
 *
 * `reason` is the error's own, where it has one: a home that does not exist is a mistake in the command line, a provider
 * that refuses its key is not the workflow's fault.
 * @category converting
 * @since 0.1.0
 */
export const ofError = (kind: string, reason: string | undefined): number =>
  Match.value(kind).pipe(
    Match.whenOr("FlowStopped", "WaitedTooLong", () => ExitCode.stopped),
    Match.when("FlowDiverged", () => ExitCode.diverged),
    Match.whenOr(
      "UsageError",
      "BatchInputError",
      "BatchNotFound",
      "RefreshError",
      "WorkflowFileError",
      "FlowErrors",
      "ArgsInvalid",
      "InvalidRun",
      "RunNotFound",
      "CannotGoBack",
      () => ExitCode.usage
    ),
    Match.whenOr("BudgetExceeded", "BudgetRefused", () => ExitCode.budget),
    Match.whenOr("WorktreeError", "ApplyRefused", () => mistakes.has(reason ?? "") ? ExitCode.usage : ExitCode.failed),
    Match.when("StoreError", () => reason === "Missing" ? ExitCode.usage : ExitCode.store),
    Match.whenOr("ProviderUnavailable", "SettingsError", "ProvidersFileError", "PricesError", () => ExitCode.provider),
    Match.whenOr("ProviderFailed", "ProviderError", () =>
      refusals.has(reason ?? "") ? ExitCode.provider : ExitCode.failed),
    Match.whenOr("RunOwned", "OwnershipLost", "BatchOwned", "BatchLost", () =>
      ExitCode.owned),
    Match.orElse(() =>
      ExitCode.failed
    )
  )

/**
 * The table as the page `docs/reference/exit-codes.md`.
 * @category converting
 * @since 0.1.0
 */
export const toMarkdown = (): string =>
  [
    "# Exit codes",
    "",
    "What `owf` exits with. A number keeps its meaning in later versions.",
    "",
    "| code | meaning | what next |",
    "| --- | --- | --- |",
    ...table.map(({ meaning, name, next }) => `| ${ExitCode[name]} | ${meaning} | ${next} |`),
    ""
  ].join("\n")

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** What is wrong with where a command was started or with what it names, as opposed to what git refuses. */
const mistakes: ReadonlySet<string> = new Set(["NoRepository", "NoCommit", "NoBranch", "Nothing"])

const refusals: ReadonlySet<string> = new Set(["Authentication", "Permission", "Billing", "Misconfigured"])
