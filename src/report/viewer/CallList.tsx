/**
 * The calls, one in a row, and what they are filtered by.
 */
import type { CallReport } from "../RunReport.ts"
import { answerer, answerers, isCached, nameOf, phaseName, phases, report, span, tokensOf, tone } from "./Data.ts"
import { compact, duration, usd, visible, whole, word } from "./Format.ts"
import { Mark } from "./Parts.tsx"
import { Rows } from "./Rows.tsx"
import {
  clearFilters,
  cursor,
  isFiltered,
  marked,
  marks,
  open,
  opened,
  phase,
  provider,
  query,
  shown,
  sought,
  statuses,
  toggled
} from "./State.ts"

/** What the calls are filtered by. */
export const Filters = () => (
  <div class="filters" role="search" aria-label="Filter the calls">
    <Search />
    <div class="chips" role="group" aria-label="Status">
      {counts.map(([status, count]) => (
        <button
          type="button"
          key={status}
          class="chip"
          aria-pressed={statuses.value.has(status)}
          onClick={() => statuses.value = toggled(statuses.value, status)}
        >
          {word(status)} <span class="num">{whole(count)}</span>
        </button>
      ))}
      {markCounts.map(([mark, count]) => (
        <button
          type="button"
          key={mark}
          class="chip mark-chip"
          aria-pressed={marked.value.has(mark)}
          onClick={() => marked.value = toggled(marked.value, mark)}
        >
          {markNames[mark]} <span class="num">{whole(count)}</span>
        </button>
      ))}
    </div>
    <select aria-label="Phase" value={phase.value} onChange={(event) => phase.value = event.currentTarget.value}>
      <option value="">All phases</option>
      {phases.map(({ key, name }) => <option key={key} value={key}>{visible(name)}</option>)}
    </select>
    <select
      aria-label="Provider"
      value={provider.value}
      onChange={(event) => provider.value = event.currentTarget.value}
    >
      <option value="">All providers</option>
      {answerers.map((name) => <option key={name} value={name}>{visible(name)}</option>)}
    </select>
    <span class="found" role="status">
      {isFiltered.value ? `${whole(shown.value.length)} of ${whole(report.calls.length)}` : ""}
    </span>
    {isFiltered.value && <button type="button" class="small" onClick={clearFilters}>Clear</button>}
  </div>
)

/** The field that filters by text. */
export const Search = () => (
  <label class="search">
    <svg viewBox="0 0 16 16" aria-hidden="true">
      <path d="M7 2.5a4.5 4.5 0 1 0 .01 0ZM10.4 10.4 14 14" />
    </svg>
    <input
      id="search"
      type="search"
      placeholder="Search everything"
      aria-label="Search"
      autocomplete="off"
      spellcheck={false}
      value={query.value}
      onInput={(event) => query.value = event.currentTarget.value}
    />
    <kbd aria-hidden="true">/</kbd>
  </label>
)

/** The calls that the filters leave. */
export const CallList = () => {
  const list = shown.value
  return (
    <div class="table calls" role="grid" aria-label="Calls" aria-owns="call-head" aria-rowcount={list.length + 1}>
      <Rows
        items={list}
        height={rowHeight}
        reveal={sought.value === null ? -1 : list.findIndex((call) => call.id === sought.value)}
        row={(call, at) => <Row key={call.id} call={call} at={at} />}
      />
      {list.length === 0 && <Nothing />}
    </div>
  )
}

/** The names of the columns; they stay in sight. */
export const CallHead = () => (
  <div class="head call-row" id="call-head" role="row" aria-rowindex={1}>
    <span role="columnheader" aria-label="Status" />
    <span role="columnheader">Call</span>
    <span role="columnheader" class="wide">Phase</span>
    <span role="columnheader" class="wide">Answered by</span>
    <span role="columnheader" class="wide when">When</span>
    <span role="columnheader" class="right">Tokens</span>
    <span role="columnheader" class="right">Cost</span>
    <span role="columnheader" class="right">Time</span>
  </div>
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Pixels; the style sheet has it as well. */
const rowHeight = 38

const order = [
  "running",
  "waiting",
  "failed",
  "provider_failed",
  "schema_failed",
  "timeout",
  "worktree_failed",
  "budget_exceeded",
  "degraded",
  "cancelled",
  "done"
]

const counts = Object.entries(report.totals.byStatus).toSorted(([a], [b]) => order.indexOf(a) - order.indexOf(b))

const markNames: Readonly<Record<string, string>> = {
  cached: "from cache",
  retried: "retried",
  changed: "changed files"
}

const markCounts = Object.entries(marks)
  .map(([mark, test]) => [mark, report.calls.filter(test).length] as const)
  .filter(([, count]) => count > 0)

const Row = ({ at, call }: { readonly call: CallReport; readonly at: number }) => (
  <div
    class={opened.value === call.id ? "call-row opened" : "call-row"}
    id={`row-${call.id}`}
    role="row"
    tabIndex={cursor.value === call.id || cursor.value === null && at === 0 ? 0 : -1}
    aria-rowindex={at + 2}
    aria-selected={cursor.value === call.id}
    onClick={() => open(call.id)}
    onFocus={() => cursor.value = call.id}
  >
    <span role="gridcell">
      <Mark tone={tone(call)} title={call.status} />
    </span>
    <span role="gridcell" class="name">
      <bdi>{visible(nameOf(call))}</bdi>
      <Badges call={call} />
    </span>
    <span role="gridcell" class="wide quiet">
      <bdi>{visible(phaseName({ runId: call.runId, name: call.phase }))}</bdi>
    </span>
    <span role="gridcell" class="wide quiet">
      <bdi>{visible(answerer(call))}</bdi>
    </span>
    <span role="gridcell" class="wide when">
      <When call={call} />
    </span>
    <span role="gridcell" class="right num">{tokensOf(call) === 0 ? "–" : compact(tokensOf(call))}</span>
    <span role="gridcell" class="right num">{costOf(call)}</span>
    <span role="gridcell" class="right num">{duration(call.durationMs)}</span>
  </div>
)

const costOf = (call: CallReport): string =>
  call.costUsd === null ? call.attempts.length === 0 ? "–" : "unknown" : call.costUsd === 0 ? "–" : usd(call.costUsd)

const Badges = ({ call }: { readonly call: CallReport }) => (
  <>
    {call.status !== "done" && <span class={`badge ${tone(call)}`}>{word(call.status)}</span>}
    {isCached(call) && <span class="badge cached">{call.cacheStatus}</span>}
    {call.attempts.length > 1 && <span class="badge count">{call.attempts.length} requests</span>}
    {(call.changes?.length ?? 0) > 0 && (
      <span class="badge">{call.changes?.length} {call.changes?.length === 1 ? "file" : "files"}</span>
    )}
  </>
)

/** The part of the run a call took, as a bar of its own. */
const When = ({ call }: { readonly call: CallReport }) => {
  const all = span.to - span.from || 1
  const from = (call.startedAt ?? call.createdAt) - span.from
  const to = (call.completedAt ?? span.to) - span.from
  return (
    <svg class="when-bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
      <path class="when-all" d="M0 2.5H100V3.5H0z" />
      <path
        class={tone(call)}
        d={`M${from / all * 100} 0H${Math.max(to / all * 100, from / all * 100 + 1)}V6H${from / all * 100}z`}
      />
    </svg>
  )
}

const Nothing = () => (
  <div class="nothing">
    {report.calls.length === 0 ? <p>This run made no calls.</p> : (
      <>
        <p>No call is like that.</p>
        <button type="button" class="small" onClick={clearFilters}>Show all calls</button>
      </>
    )}
  </div>
)
