/**
 * What a reader wants to know first: how the run ended, what it cost, how long it took, what is wrong with it.
 */
import { quoted } from "../Commands.ts"
import type { RunReport } from "../RunReport.ts"
import { calls, isOpen, nameOf, report, span, toneOf } from "./Data.ts"
import { compact, counted, duration, moment, percent, usd, visible, whole, word } from "./Format.ts"
import { Command, Copy, Status } from "./Parts.tsx"
import { isHelpOpen, only, open, statuses, theme } from "./State.ts"

/** Name, status and origin of the run. */
export const Title = () => {
  const { run } = report
  return (
    <header class="top">
      <div class="top-line">
        <h1>
          <bdi>{visible(run.workflow)}</bdi>
        </h1>
        <span class={`pill ${toneOf(run.status)}`}>
          <Status status={run.status} />
        </span>
        <div class="top-actions">
          <ThemeSwitch />
          <button type="button" class="small" onClick={() => isHelpOpen.value = true} aria-label="Keys and help">
            Keys <kbd>?</kbd>
          </button>
        </div>
      </div>
      {run.description !== null && <p class="description">{visible(run.description)}</p>}
      <ul class="origin">
        <li>
          <code>{run.id}</code> <Copy label="Copy" text={run.id} />
        </li>
        <li>{moment(span.from)}</li>
        {isOpen && <li>as of {moment(report.generatedAt)}</li>}
        {run.attempt > 1 && <li>resumed {counted(run.attempt - 1, "time")}</li>}
        <li>{visible(run.provider)}{run.model !== null && `:${visible(run.model)}`}</li>
        <Origin />
      </ul>
    </header>
  )
}

/** The figures of the run. */
export const Figures = () => {
  const { run, totals } = report
  const { budget } = run
  const saved = (totals.byCache["hit"] ?? 0) + (totals.byCache["replayed"] ?? 0)
  return (
    <dl class="figures">
      <Figure
        name="Cost"
        value={totals.unknownCosts > 0 && totals.costUsd === 0 ? "unknown" : usd(totals.costUsd)}
        note={budget.totalCostUsd === null
          ? totals.unknownCosts > 0
            ? `${counted(totals.unknownCosts, "request")} without a known price`
            : "all requests"
          : `${percent(budget.spentCostUsd, budget.totalCostUsd)} of ${usd(budget.totalCostUsd)}${
            totals.unknownCosts > 0 ? `, ${counted(totals.unknownCosts, "price")} unknown` : ""
          }`}
        share={budget.totalCostUsd === null ? undefined : budget.spentCostUsd / budget.totalCostUsd}
      />
      <Figure
        name="Tokens"
        value={compact(totals.tokens)}
        note={budget.totalTokens === null
          ? `${compact(totals.tokens - totals.usage.outputTokens)} in, ${compact(totals.usage.outputTokens)} out`
          : `${percent(budget.spentTokens, budget.totalTokens)} of ${compact(budget.totalTokens)}`}
        share={budget.totalTokens === null ? undefined : budget.spentTokens / budget.totalTokens}
      />
      <Figure
        name="Wall time"
        value={duration(totals.wallMs)}
        note={totals.requestMs > totals.wallMs * 1.05
          ? `${duration(totals.requestMs)} of requests, ${
            (totals.requestMs / Math.max(1, totals.wallMs)).toFixed(1)
          }× at once`
          : `${duration(totals.requestMs)} of requests`}
      />
      <Figure
        name="Saved by cache"
        value={totals.savedCostUsd > 0 ? usd(totals.savedCostUsd) : compact(totals.savedTokens)}
        note={saved === 0
          ? "no answer was there already"
          : `${counted(saved, "answer")}${totals.savedCostUsd > 0 ? `, ${compact(totals.savedTokens)} tokens` : ""}`}
      />
      <Figure
        name="Calls"
        value={whole(totals.calls)}
        note={`${counted(totals.requests, "request")}, at most ${totals.peakConcurrency} at once`}
      />
    </dl>
  )
}

/** What is wrong with the run, or should be known before reading on. */
export const Notices = () => {
  const { run } = report
  return (
    <div class="notices">
      {run.message !== null && (
        <div class="problem" role="note">
          <p>{visible(run.message)}</p>
        </div>
      )}
      {report.approvals.filter(({ decision }) => decision === null).map((approval) => (
        <div class="problem waiting" role="note" key={approval.name}>
          <strong>Waits for an answer: {visible(approval.name)}</strong>
          {approval.question !== null && <p>{visible(approval.question)}</p>}
          <p class="answer-with">
            <Command>{answerOf(approval)}</Command> <span class="quiet">or the same with</span> <code>--reject</code>
          </p>
        </div>
      ))}
      {run.error !== null && (
        <div class="problem failed" role="note">
          <strong>{visible(run.error.kind)}</strong>
          <p>{visible(run.error.message)}</p>
        </div>
      )}
      {problems.length + marked.length + others.length > 0 && (
        <div class="problem-list" role="group" aria-label="What did not go as it should">
          {problems.map(([status, count]) => (
            <button
              type="button"
              key={status}
              class={`problem-chip ${toneOf(status)}`}
              aria-pressed={statuses.value.has(status)}
              onClick={() => only(status)}
            >
              <Status status={status} />
              <span>{counted(count, "call")}</span>
            </button>
          ))}
          <Warnings />
        </div>
      )}
      {run.resumeCommand !== null && (
        <p class="go-on">
          Go on with what is missing: <Command>{run.resumeCommand}</Command>
        </p>
      )}
      {report.omitted.events + report.omitted.texts > 0 && (
        <p class="quiet">
          {report.omitted.texts > 0 && `${counted(report.omitted.texts, "long text")} cut. `}
          {report.omitted.events > 0 &&
            `${counted(report.omitted.events, "older event")} left out: ${report.commands.events}`}
        </p>
      )}
    </div>
  )
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** The command that answers a question of the run, in the home the other commands are about. */
const answerOf = ({ name, runId }: RunReport["approvals"][number]): string =>
  report.commands.status.replace(/^owf status \S+/, () => `owf approve ${runId} ${quoted(name)}`)

const problems = Object.entries(report.totals.byStatus).filter(([status]) => status !== "done")

const others = report.warnings.filter((warning) => warning.callId === null)

const marked = report.warnings.filter((warning) => warning.callId !== null)

const Warnings = () =>
  others.length + marked.length === 0 ? null : (
    <details class="warnings" open={others.length + marked.length <= few}>
      <summary>{counted(others.length + marked.length, "warning")}</summary>
      <ul>
        {others.map((warning) => <li>{visible(warning.message)}</li>)}
        {marked.slice(0, 50).map(({ callId, message }) => (
          <li>
            <button type="button" class="link" onClick={() => open(callId ?? "")}>
              {visible(warningName(callId))}
            </button>: {visible(message)}
          </li>
        ))}
        {marked.length > 50 && <li class="quiet">and {marked.length - 50} more calls</li>}
      </ul>
    </details>
  )

/** So many warnings are shown without being asked for. */
const few = 3

const warningName = (id: string | null): string => {
  const call = id === null ? undefined : calls.get(id)
  return call === undefined ? id ?? "" : nameOf(call).slice(0, 80)
}

const Origin = () => {
  const { environment, script } = report.run
  const { gitBranch, gitCommit, node, owfVersion } = environment
  return (
    <>
      {script !== null && (
        <li title={script.hash === null ? undefined : `sha256 ${script.hash}`}>
          <code>{visible(script.path)}</code>
        </li>
      )}
      {gitCommit !== null && (
        <li title={gitCommit}>
          git {gitBranch !== null && `${visible(gitBranch)} `}
          <code>{visible(gitCommit.slice(0, 10))}</code>
        </li>
      )}
      <li>
        owf {visible(owfVersion ?? report.owfVersion)}
        {node !== null && `, Node ${visible(node.replace(/^v/, ""))}`}
      </li>
    </>
  )
}

const Figure = (
  { name, note, share, value }: {
    readonly name: string
    readonly value: string
    readonly note: string
    /** How much of a limit is used. */
    readonly share?: number | undefined
  }
) => (
  <div class="figure">
    <dt>{name}</dt>
    <dd class="figure-value">{value}</dd>
    <dd class="figure-note">
      {share !== undefined && (
        <span class="meter" aria-hidden="true">
          <span class={share > 0.9 ? "full" : ""} style={{ width: `${Math.min(100, share * 100)}%` }} />
        </span>
      )}
      {note}
    </dd>
  </div>
)

const ThemeSwitch = () => (
  <div class="switch" role="group" aria-label="Theme">
    {(["light", "auto", "dark"] as const).map((choice) => (
      <button
        type="button"
        key={choice}
        aria-pressed={theme.value === choice}
        onClick={() => theme.value = choice}
      >
        {word(choice)}
      </button>
    ))}
  </div>
)
