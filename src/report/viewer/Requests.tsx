/**
 * The requests of a call, what was waited between them, and what a recovery policy did.
 */
import { forCall } from "../Commands.ts"
import type { AttemptReport, CallReport, RecoveryReport, WaitReport } from "../RunReport.ts"
import { report, span } from "./Data.ts"
import type { Tone } from "./Data.ts"
import { counted, duration, moment, offset, usd, visible, whole } from "./Format.ts"
import { Content, Copy, Facts, Section, Status } from "./Parts.tsx"

/** The requests of a call in their order; nothing for a call that was answered without. */
export const Requests = ({ call }: { readonly call: CallReport }) => {
  if (call.attempts.length === 0 && call.waits.length === 0) return null
  const steps = [
    ...call.attempts.map((attempt) => ({
      at: attempt.startedAt,
      view: <Attempt key={attempt.number} call={call} attempt={attempt} />
    })),
    ...call.waits.map((wait) => ({ at: wait.from, view: <Wait key={wait.from} wait={wait} /> }))
  ].toSorted((a, b) => a.at - b.at)
  return (
    <Section id="requests" title={counted(call.attempts.length, "request")}>
      <ol class="attempts">{steps.map(({ view }) => view)}</ol>
      {call.recovery !== null && <Recovery recovery={call.recovery} />}
    </Section>
  )
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const tones: Readonly<Record<AttemptReport["status"], Tone>> = {
  done: "done",
  failed: "failed",
  lost: "degraded",
  running: "running"
}

const Attempt = ({ attempt, call }: { readonly call: CallReport; readonly attempt: AttemptReport }) => {
  const { usage } = attempt
  const read = usage.inputTokens + usage.cacheReadTokens + usage.cacheWriteTokens
  return (
    <li class="attempt">
      <details open={attempt.status !== "done" && call.attempts.length < 12}>
        <summary>
          <span class="attempt-number num">{attempt.number}</span>
          <Status status={attempt.status} tone={tones[attempt.status]} />
          {attempt.errorKind !== null && <span class="badge failed">{visible(attempt.errorKind)}</span>}
          <span class="attempt-facts num">
            {offset(attempt.startedAt - span.from)} · {attempt.completedAt === null
              ? "not finished"
              : duration(attempt.completedAt - attempt.startedAt)}
            {read + usage.outputTokens > 0 && ` · ${whole(read)} in, ${whole(usage.outputTokens)} out`}
            {attempt.costUsd !== null && attempt.costUsd > 0 && ` · ${usd(attempt.costUsd)}`}
          </span>
        </summary>
        <div class="attempt-body">
          {attempt.error !== null && <pre class="source">{visible(attempt.error)}</pre>}
          <Facts
            facts={[
              ["Model", attempt.model === null || attempt.model === call.model ? null : visible(attempt.model)],
              [
                "Session",
                attempt.sessionId === null ? null : (
                  <>
                    <code>{visible(attempt.sessionId)}</code> <Copy label="Copy" text={attempt.sessionId} />
                  </>
                )
              ],
              ["Cost", attempt.costUsd === null ? "unknown" : usd(attempt.costUsd)],
              ["Priced by", attempt.costSource === null ? null : visible(attempt.costSource)],
              ["Set aside", `${whole(attempt.reservedTokens)} tokens, ${usd(attempt.reservedCostUsd)}`]
            ]}
          />
          {attempt.status === "lost" && (
            <p class="quiet">
              Given up before its outcome was known. It may have been paid for, and counts as what was set aside.
            </p>
          )}
          {attempt.raw !== null && (
            <>
              <h4>What the provider sent</h4>
              <Content text={attempt.raw} form="plain" command={forCall(report.commands.raw, call.id)} />
            </>
          )}
        </div>
      </details>
    </li>
  )
}

const Wait = ({ wait }: { readonly wait: WaitReport }) => (
  <li class="wait">
    <span>
      waited {wait.endedAt === null ? "" : duration(wait.endedAt - wait.from)}
      {wait.endedAt === null && wait.until !== null && `until ${moment(wait.until)}`}
    </span>
    <span class="quiet">{visible(wait.reason)}</span>
  </li>
)

const Recovery = ({ recovery }: { readonly recovery: RecoveryReport }) => (
  <>
    <h4>Recovery</h4>
    <Facts
      facts={[
        ["Retries", recovery.retries === 0 ? null : `${recovery.retries}, ${duration(recovery.retryWaitMs)} waited`],
        [
          "Waits for a reset",
          recovery.resets === 0 ? null : `${recovery.resets}, ${duration(recovery.resetWaitMs)} waited`
        ],
        ["Corrections", recovery.corrections || null],
        ["Compactions", recovery.compactions || null],
        ["Reframings", recovery.reframings || null]
      ]}
    />
    <ol class="history">
      {recovery.steps.map((step) => (
        <li key={step.at}>
          <time class="num">{offset(step.at - span.from)}</time>
          <span>{visible(step.message)}</span>
        </li>
      ))}
    </ol>
  </>
)
