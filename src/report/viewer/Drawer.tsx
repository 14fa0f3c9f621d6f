/**
 * One call in full: what it was asked, what came back, what it took and why.
 */
import { useEffect, useLayoutEffect, useRef } from "preact/hooks"
import { forCall } from "../Commands.ts"
import type { CallReport } from "../RunReport.ts"
import { answerer, calls, nameOf, phaseName, report, runs, span, tokensOf, tone } from "./Data.ts"
import { Diff } from "./Diff.tsx"
import { bytes, compact, counted, duration, moment, offset, timeOfDay, usd, visible, whole, word } from "./Format.ts"
import { JsonTree } from "./JsonTree.tsx"
import { Command, Content, Copy, Facts, Section, Status } from "./Parts.tsx"
import { Requests } from "./Requests.tsx"
import { close, cursor, isWide, linkTo, move, open, opened } from "./State.ts"

/** The open call, if one is. */
export const Drawer = () => {
  const call = opened.value === null ? undefined : calls.get(opened.value)
  return call === undefined ? null : <Panel call={call} />
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const Panel = ({ call }: { readonly call: CallReport }) => {
  const panel = useRef<HTMLDivElement>(null)
  useLayoutEffect(() => {
    panel.current?.focus({ preventScroll: true })
    return () => {
      if (cursor.value !== null) document.getElementById(`row-${cursor.value}`)?.focus({ preventScroll: true })
    }
  }, [])
  useEffect(() => panel.current?.querySelector(".drawer-body")?.scrollTo(0, 0), [call.id])
  return (
    <div
      class={isWide.value ? "drawer whole" : "drawer"}
      ref={panel}
      tabIndex={-1}
      role="dialog"
      aria-modal="false"
      aria-label={`Call ${visible(nameOf(call))}`}
    >
      <Head call={call} />
      <div class="drawer-body" key={call.id} tabIndex={0} role="region" aria-label="Details of the call">
        <Problem call={call} />
        <Answer call={call} />
        <Asked call={call} />
        <Changes call={call} />
        <Requests call={call} />
        <Cache call={call} />
        <Details call={call} />
        <History call={call} />
      </div>
    </div>
  )
}

const Head = ({ call }: { readonly call: CallReport }) => (
  <header class="drawer-head">
    <div class="drawer-title">
      <Status status={call.status} tone={tone(call)} />
      <h2>
        <bdi>{visible(nameOf(call))}</bdi>
      </h2>
      <div class="drawer-keys">
        <Copy label="Link" text={location.href.split("#")[0] + linkTo(call.id)} />
        <button
          type="button"
          class="icon"
          aria-label="Previous call"
          title="Previous call (k)"
          onClick={() => move(-1)}
        >
          ↑
        </button>
        <button type="button" class="icon" aria-label="Next call" title="Next call (j)" onClick={() => move(1)}>
          ↓
        </button>
        <button
          type="button"
          class="icon"
          aria-label="Whole width"
          aria-pressed={isWide.value}
          title="Whole width (w)"
          onClick={() => isWide.value = !isWide.value}
        >
          <svg viewBox="0 0 16 16" aria-hidden="true">
            <path d="M9.5 2.5h4v4M13.5 2.5 9 7M6.5 13.5h-4v-4M2.5 13.5 7 9" />
          </svg>
        </button>
        <button type="button" class="icon" aria-label="Close" title="Close (esc)" onClick={close}>×</button>
      </div>
    </div>
    <p class="drawer-line">
      <bdi>{visible(answerer(call))}</bdi>
      <bdi>{visible(phaseName({ runId: call.runId, name: call.phase }))}</bdi>
      <span>{offset(call.createdAt - span.from)}</span>
      <span>{duration(call.durationMs)}</span>
      {tokensOf(call) > 0 && <span>{compact(tokensOf(call))} tokens</span>}
      {call.attempts.length > 0 && <span>{call.costUsd === null ? "cost unknown" : usd(call.costUsd)}</span>}
    </p>
  </header>
)

const Problem = ({ call }: { readonly call: CallReport }) => (
  <>
    {call.degradedReason !== null && (
      <div class="problem degraded" role="note">
        <strong>A declared value stands in for the answer</strong>
        <p>
          {isSaidOnce(call) && call.errorKind !== null && `${visible(call.errorKind)}: `}
          {visible(call.degradedReason)}
        </p>
      </div>
    )}
    {(call.error !== null || call.errorKind !== null) && !isSaidOnce(call) && (
      <div class={`problem ${tone(call) === "done" ? "quiet" : tone(call)}`} role="note">
        <strong>{visible(call.errorKind ?? word(call.status))}</strong>
        {call.error !== null && <p>{visible(call.error)}</p>}
      </div>
    )}
    {call.validationErrors.length > 0 && (
      <div class="problem failed" role="note">
        <strong>The answer does not fit its schema</strong>
        <ul>
          {call.validationErrors.map((error) => (
            <li>
              <code>{visible(error.path === "" ? "(the whole)" : error.path)}</code> {visible(error.message)}
            </li>
          ))}
        </ul>
      </div>
    )}
  </>
)

/** Whether why a value stands in is the error of the call. */
const isSaidOnce = ({ degradedReason, error }: CallReport): boolean =>
  degradedReason !== null && degradedReason === error

const Answer = ({ call }: { readonly call: CallReport }) => {
  const text = call.outputJson ?? call.outputText
  const command = forCall(report.commands.answer, call.id)
  return (
    <Section
      id="answer"
      title="Answer"
      actions={
        <>
          {text !== null && <Copy label="Copy" text={text.text} />}
          <Copy label="owf cat" text={command} />
        </>
      }
    >
      {text === null
        ? (
          <p class="quiet">
            {call.status === "running" || call.status === "waiting" ? "There is none yet." : "There is none."}
          </p>
        )
        : <Content text={text} form={call.outputJson === null ? "markdown" : "json"} command={command} />}
    </Section>
  )
}

const Asked = ({ call }: { readonly call: CallReport }) => (
  <>
    <Section id="prompt" title="Prompt" actions={<Copy label="Copy" text={call.prompt.text} />}>
      <Content text={call.prompt} form="plain" command={forCall(report.commands.prompt, call.id)} />
    </Section>
    {call.system !== null && (
      <Section id="system" title="System prompt" actions={<Copy label="Copy" text={call.system.text} />}>
        <Content text={call.system} form="plain" command={forCall(report.commands.details, call.id)} />
      </Section>
    )}
    {call.schema !== null && (
      <Section id="schema" title="Schema of the answer" actions={<Copy label="Copy" text={call.schema.text} />}>
        <Content text={call.schema} form="json" command={forCall(report.commands.details, call.id)} />
      </Section>
    )}
  </>
)

const Changes = ({ call }: { readonly call: CallReport }) => {
  if (call.changes === null || call.changes.length === 0) return null
  const command = forCall(report.commands.diff, call.id)
  return (
    <Section
      id="changes"
      title={`Changed ${counted(call.changes.length, "file")}`}
      actions={
        <>
          {call.patch !== null && <Copy label="Patch" text={call.patch.text} />}
          <Copy label="owf diff" text={command} />
        </>
      }
    >
      <Diff changes={call.changes} patch={call.patch?.text ?? ""} />
      {call.patch?.isCut === true && (
        <div class="cut">
          <span>Cut: the whole patch has {bytes(call.patch.size)}.</span>
          <Command>{command}</Command>
        </div>
      )}
    </Section>
  )
}

const Cache = ({ call }: { readonly call: CallReport }) => (
  <Section id="cache" title="Cache">
    <p class="sentence">
      <span class={`badge ${call.cacheStatus === "hit" || call.cacheStatus === "replayed" ? "cached" : ""}`}>
        {call.cacheStatus}
      </span>{" "}
      {visible(call.explanation.reason)}
    </p>
    {call.explanation.differs.length > 0 && (
      <p class="sentence">
        What differs: {call.explanation.differs.map((part) => <code class="part" key={part}>{visible(part)}</code>)}
      </p>
    )}
    {call.explanation.nearest !== null && (
      <p class="sentence quiet">
        Compared with <CallLink id={call.explanation.nearest} />
      </p>
    )}
  </Section>
)

const CallLink = ({ id }: { readonly id: string }) =>
  calls.has(id)
    ? (
      <a
        href={linkTo(id)}
        onClick={(event) => {
          event.preventDefault()
          open(id)
        }}
      >
        {id}
      </a>
    )
    : <code>{visible(id)}</code>

const Details = ({ call }: { readonly call: CallReport }) => {
  const { usage, worktree } = call
  const resume = runs.get(call.runId)?.resumeCommand ?? null
  return (
    <Section id="details" title="Details">
      <Facts
        facts={[
          ["Call", <code>{call.id}</code>],
          ["Position", call.position === "" ? null : <code>{visible(call.position)}</code>],
          ["Tokens", tokensOf(call) === 0 ? null : tokenWords(usage)],
          ["Cost", call.attempts.length === 0 ? null : usd(call.costUsd)],
          ["Priced by", call.costSource === null ? null : visible(call.costSource)],
          ["Queued", call.queuedMs === null ? null : duration(call.queuedMs)],
          ["Began", moment(call.createdAt)],
          ["Ended", call.completedAt === null ? null : moment(call.completedAt)],
          ["Asked again at", call.waitingUntil === null ? null : moment(call.waitingUntil)],
          ["Agent type", call.agentType === null ? null : visible(call.agentType)],
          ["Isolation", call.isolation === "none" ? null : call.isolation],
          ["Worktree", worktree?.path == null ? null : <code>{visible(worktree.path)}</code>],
          ["Branch", worktree?.branch == null ? null : <code>{visible(worktree.branch)}</code>],
          ["Commits", worktree === null ? null : commits(worktree.base, worktree.head)],
          ["Cache policy", call.cachePolicy],
          ["Call key", <code class="long">{call.callKey}</code>],
          ["Cache key", <code class="long">{call.cacheKey}</code>],
          [
            "Files",
            call.artifacts.length === 0 ? null : (
              <ul class="plain">
                {call.artifacts.map((file) => (
                  <li key={file.path}>
                    <code>{visible(file.path)}</code> <span class="quiet">{bytes(file.size)}</span>
                  </li>
                ))}
              </ul>
            )
          ]
        ]}
      />
      {Object.keys(call.options).length > 0 && (
        <>
          <h4>Options</h4>
          <JsonTree value={call.options} />
        </>
      )}
      <h4>Commands</h4>
      <Command>{forCall(report.commands.answer, call.id)}</Command>
      <Command>{forCall(report.commands.raw, call.id)}</Command>
      <Command>{forCall(report.commands.details, call.id)}</Command>
      {resume !== null && <Command>{resume}</Command>}
    </Section>
  )
}

const tokenWords = (usage: CallReport["usage"]): string =>
  [
    `${whole(usage.inputTokens)} read`,
    `${whole(usage.outputTokens)} written`,
    ...usage.cacheReadTokens > 0 ? [`${whole(usage.cacheReadTokens)} from the prompt cache`] : [],
    ...usage.cacheWriteTokens > 0 ? [`${whole(usage.cacheWriteTokens)} into it`] : []
  ].join(", ")

const commits = (base: string | null, head: string | null) =>
  base === null && head === null
    ? null
    : <code>{visible(base?.slice(0, 12) ?? "?")} → {visible(head?.slice(0, 12) ?? "none")}</code>

const events = Map.groupBy(report.events, (event) => event.callId ?? "")

const History = ({ call }: { readonly call: CallReport }) => {
  const own = events.get(call.id) ?? []
  return own.length === 0 ? null : (
    <Section id="history" title="Events">
      <ol class="history">
        {own.map((event) => (
          <li key={event.id}>
            <time class="num">{timeOfDay(event.at)}</time>
            <span class="quiet">{visible(word(event.type))}</span>
            <span>{visible(event.message)}</span>
          </li>
        ))}
      </ol>
    </Section>
  )
}
