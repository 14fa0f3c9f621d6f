/**
 * What stands beside the calls: costs by phase, model and provider, the events, the runs below this one, its input and output.
 */
import { useSignal } from "@preact/signals"
import type * as Records from "../../domain/Records.ts"
import type { EventReport, RunFacts } from "../RunReport.ts"
import { calls, nameOf, report, runs } from "./Data.ts"
import { compact, counted, duration, moment, percent, timeOfDay, usd, visible, whole, word } from "./Format.ts"
import { Content, Copy, Facts, Section, Status } from "./Parts.tsx"
import { Rows } from "./Rows.tsx"
import { open, query } from "./State.ts"

/** Costs and tokens by phase, model and provider. */
export const Costs = () => (
  <div class="cost-tables">
    <CostTable title="By phase" rows={report.usage.byPhase} none="no phase" />
    <CostTable title="By model" rows={report.usage.byModel} none="no model" />
    <CostTable title="By provider" rows={report.usage.byProvider} none="no provider" />
  </div>
)

/** Everything that happened, in order. */
export const Events = () => {
  const type = useSignal("")
  const words = query.value.toLowerCase().split(/\s+/).filter((word) => word !== "")
  const list = report.events.filter((event) =>
    (type.value === "" || event.type === type.value) &&
    words.every((word) => `${event.type} ${event.message} ${event.data ?? ""}`.toLowerCase().includes(word))
  )
  return (
    <>
      <div class="events-head">
        <select
          aria-label="Kind of event"
          value={type.value}
          onChange={(event) => type.value = event.currentTarget.value}
        >
          <option value="">All events</option>
          {eventTypes.map((name) => <option key={name} value={name}>{visible(word(name))}</option>)}
        </select>
        <span class="quiet">{counted(list.length, "event")}</span>
      </div>
      <div class="table events" role="table" aria-label="Events" aria-rowcount={list.length}>
        <Rows items={list} height={30} row={(event) => <EventRow key={event.id} event={event} />} />
      </div>
    </>
  )
}

/** The run's input and output, what it asked people, and the runs below it. */
export const Runs = () => {
  const { run } = report
  return (
    <div class="runs">
      <div class="columns">
        <Section id="args" title="Arguments" actions={<Copy label="Copy" text={run.args.text} />}>
          <Content text={run.args} form="json" command={report.commands.status} />
        </Section>
        <Section
          id="output"
          title="Output"
          actions={run.output !== null && <Copy label="Copy" text={run.output.text} />}
        >
          {run.output === null
            ? <p class="quiet">The run has none yet.</p>
            : <Content text={run.output} form="json" command={report.commands.output} />}
        </Section>
      </div>
      <Approvals />
      {report.runs.length > 1 && (
        <Section id="children" title={counted(report.runs.length - 1, "child run")}>
          <table class="plain-table">
            <thead>
              <tr>
                <th>Workflow</th>
                <th>Status</th>
                <th class="right">Calls</th>
                <th class="right">Cost</th>
                <th class="right">Time</th>
                <th>Run</th>
              </tr>
            </thead>
            <tbody>{report.runs.slice(1).map((child) => <ChildRow key={child.id} run={child} />)}</tbody>
          </table>
        </Section>
      )}
      <Section id="record" title="Record">
        <Facts
          facts={[
            ["Directory", <code>{visible(report.directory)}</code>],
            ["Cache policy", run.cachePolicy],
            ["Script digest", run.script?.hash == null ? null : <code class="long">{visible(run.script.hash)}</code>],
            [
              "Git commit",
              run.environment.gitCommit === null ? null : <code>{visible(run.environment.gitCommit)}</code>
            ],
            ["Lost requests", report.totals.lostRequests === 0 ? null : whole(report.totals.lostRequests)],
            ["Report made", `${moment(report.generatedAt)}, owf ${report.owfVersion}`]
          ]}
        />
      </Section>
    </div>
  )
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const tokensOf = (usage: Records.Usage): number =>
  usage.inputTokens + usage.outputTokens + usage.cacheReadTokens + usage.cacheWriteTokens

const CostTable = (
  { none, rows, title }: { readonly title: string; readonly rows: ReadonlyArray<Records.Usage>; readonly none: string }
) => {
  const cost = rows.reduce((sum, row) => sum + row.costUsd, 0)
  const tokens = rows.reduce((sum, row) => sum + tokensOf(row), 0)
  return (
    <Section id={`cost-${title}`} title={title}>
      <table class="plain-table costs">
        <thead>
          <tr>
            <th>{title.replace("By ", "").replace(/^./, (one) => one.toUpperCase())}</th>
            <th class="right">Calls</th>
            <th class="right">From cache</th>
            <th class="right">Requests</th>
            <th class="right">In</th>
            <th class="right">Out</th>
            <th class="right">Cost</th>
            <th class="share" aria-label="Share" />
          </tr>
        </thead>
        <tbody>
          {rows.toSorted((a, b) => b.costUsd - a.costUsd || tokensOf(b) - tokensOf(a)).map((row) => {
            const share = cost > 0 ? row.costUsd / cost : tokens > 0 ? tokensOf(row) / tokens : 0
            return (
              <tr key={row.group}>
                <th scope="row">
                  <bdi>{row.group === null ? <span class="quiet">{none}</span> : visible(row.group)}</bdi>
                </th>
                <td>{whole(row.calls)}</td>
                <td>{row.hits === 0 ? "–" : whole(row.hits)}</td>
                <td>{whole(row.attempts)}</td>
                <td>{compact(tokensOf(row) - row.outputTokens)}</td>
                <td>{compact(row.outputTokens)}</td>
                <td>
                  {usd(row.costUsd)}
                  {row.unknownCosts > 0 && (
                    <span class="quiet" title={`${row.unknownCosts} requests without a known price`}>+?</span>
                  )}
                </td>
                <td class="share">
                  <span class="meter" title={percent(share, 1)}>
                    <span style={{ width: `${share * 100}%` }} />
                  </span>
                </td>
              </tr>
            )
          })}
        </tbody>
      </table>
    </Section>
  )
}

const eventTypes = [...new Set(report.events.map((event) => event.type))].toSorted()

const EventRow = ({ event }: { readonly event: EventReport }) => {
  const call = event.callId === null ? undefined : calls.get(event.callId)
  return (
    <div class="event-row" role="row">
      <time class="num quiet" role="cell" title={moment(event.at)}>{timeOfDay(event.at)}</time>
      <span class="event-type" role="cell">{visible(word(event.type))}</span>
      <span class="event-text" role="cell">
        {visible(event.message)}
        {event.runId !== report.run.id && (
          <span class="quiet">{` (${visible(runs.get(event.runId)?.workflow ?? event.runId)})`}</span>
        )}
      </span>
      <span role="cell">
        {call !== undefined && (
          <button type="button" class="link" onClick={() => open(call.id)}>{visible(nameOf(call)).slice(0, 40)}</button>
        )}
      </span>
    </div>
  )
}

const Approvals = () =>
  report.approvals.length === 0 ? null : (
    <Section id="approvals" title="Asked of people">
      <ul class="plain">
        {report.approvals.map((approval) => (
          <li key={approval.name}>
            <strong>{visible(approval.name)}</strong> {visible(approval.question ?? "")}{" "}
            <span class="badge">{approval.decision ?? "waiting"}</span>{" "}
            {approval.message !== null && <span class="quiet">{visible(approval.message)}</span>}
          </li>
        ))}
      </ul>
    </Section>
  )

const perRun = Map.groupBy(report.calls, (call) => call.runId)

const ChildRow = ({ run }: { readonly run: RunFacts }) => {
  const own = perRun.get(run.id) ?? []
  return (
    <tr>
      <th scope="row">
        <bdi>{"› ".repeat(Math.max(0, run.depth - report.run.depth - 1))}{visible(run.workflow)}</bdi>
        {run.error !== null && <div class="quiet">{visible(run.error.message).slice(0, 200)}</div>}
      </th>
      <td class="left">
        <Status status={run.status} />
      </td>
      <td>{whole(own.length)}</td>
      <td>{usd(own.reduce((sum, call) => sum + (call.costUsd ?? 0), 0))}</td>
      <td>{run.completedAt === null ? "–" : duration(run.completedAt - run.createdAt)}</td>
      <td class="left">
        <code>{run.id}</code>
      </td>
    </tr>
  )
}
