/**
 * When everything happened: requests as bars in lanes, a band for each phase, the load above them.
 *
 * All bars of a band that look alike are one path, so that ten thousand calls are some dozen elements. What is under the
 * pointer is found in the lanes. The list below says the same to those who cannot see it.
 */
import { useComputed, useSignal } from "@preact/signals"
import { useLayoutEffect, useRef } from "preact/hooks"
import type { CallReport, WaitReport } from "../RunReport.ts"
import { answerer, callsByPhase, isCached, nameOf, phases, report, span, tone } from "./Data.ts"
import type { Tone } from "./Data.ts"
import { compact, counted, duration, offset, usd, visible, word } from "./Format.ts"
import { barAt, load, pack } from "./Lanes.ts"
import type { Bar, Lanes } from "./Lanes.ts"
import { open, phase, range } from "./State.ts"

/** The timeline of the run. */
export const Timeline = () => {
  const width = useWidth()
  const hover = useSignal<{ readonly bar: Bar; readonly x: number; readonly y: number } | null>(null)
  const drag = useSignal<{ readonly from: number; readonly to: number } | null>(null)
  const view = useComputed(() => {
    const { from, to } = range.value ?? span
    return { from, to: Math.max(to, from + 1), width: Math.max(width.size.value, 50) }
  })
  const bands = useComputed(() => layout(view.value))
  const at = (x: number): number => view.value.from + x / view.value.width * (view.value.to - view.value.from)
  const find = (event: PointerEvent, band: Band): Bar | undefined => {
    const box = (event.currentTarget as SVGElement).getBoundingClientRect()
    const lane = band.lanes.bars[Math.floor((event.clientY - box.top - band.top) / band.height)]
    const spare = 3 / view.value.width * (view.value.to - view.value.from)
    return lane === undefined ? undefined : barAt(lane, at(event.clientX - box.left), spare)
  }
  const start = (event: PointerEvent): void => {
    const { left } = (event.currentTarget as HTMLElement).getBoundingClientRect()
    if (event.button === 0) drag.value = { from: event.clientX - left, to: event.clientX - left }
  }
  const pull = (event: PointerEvent): void => {
    if (drag.value === null) return
    const { left } = (event.currentTarget as HTMLElement).getBoundingClientRect()
    drag.value = { from: drag.value.from, to: event.clientX - left }
  }
  const drop = (): void => {
    const pulled = drag.value
    drag.value = null
    if (pulled === null || Math.abs(pulled.to - pulled.from) < 6) return
    const [left, right] = [Math.min(pulled.from, pulled.to) - inset, Math.max(pulled.from, pulled.to) - inset]
    range.value = { from: Math.max(span.from, at(left)), to: Math.min(span.to, at(right)) }
  }
  const release = (event: PointerEvent, band: Band): void => {
    const pulled = drag.value
    if (pulled !== null && Math.abs(pulled.to - pulled.from) >= 6) return
    const bar = find(event, band)
    if (bar !== undefined) open(bar.call.id)
  }
  if (report.calls.length === 0) return null
  return (
    <section class="panel timeline" aria-label="Timeline">
      <header class="panel-head">
        <h2>Timeline</h2>
        <Legend />
        {range.value !== null && (
          <button type="button" class="small" onClick={() => range.value = null}>Show the whole run</button>
        )}
      </header>
      <div
        class="bands"
        onPointerDown={start}
        onPointerMove={pull}
        onPointerUp={drop}
        onPointerLeave={drop}
      >
        <div class="band axis">
          <div class="band-name quiet">
            under way <span class="num">max {report.totals.peakConcurrency}</span>
          </div>
          <div class="band-plot" ref={width.ref}>
            <Load {...view.value} />
            <Axis {...view.value} />
          </div>
        </div>
        <div class="band-list">
          {bands.value.map((band) => (
            <div class={phase.value === band.key ? "band chosen" : "band"} key={band.key}>
              <BandName band={band} />
              <div class="band-plot">
                <svg
                  height={band.lanes.count * band.height + band.top * 2}
                  width={view.value.width}
                  role="img"
                  aria-label={`${band.name}: ${counted(band.calls.length, "call")}`}
                  onPointerMove={(event) => {
                    const bar = find(event, band)
                    hover.value = bar === undefined ? null : { bar, x: event.clientX, y: event.clientY }
                  }}
                  onPointerLeave={() => hover.value = null}
                  onPointerUp={(event) => release(event, band)}
                  class={hover.value === null ? undefined : "pointing"}
                >
                  {band.paths.map(([look, path]) => <path key={look} class={look} d={path} />)}
                </svg>
              </div>
            </div>
          ))}
        </div>
        <Selection drag={drag.value} />
      </div>
      {hover.value !== null && <Tip {...hover.value} />}
    </section>
  )
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Width of the names; the style sheet has it as well. */
const inset = 208
/** Least height of a band: two lines of text. */
const lowest = 46
const mostLanes = 96
const tallest = 84

interface View {
  readonly from: number
  readonly to: number
  readonly width: number
}

interface Band {
  readonly key: string
  readonly name: string
  readonly calls: ReadonlyArray<CallReport>
  readonly lanes: Lanes
  /** Pixels from lane to lane. */
  readonly height: number
  /** Pixels above the first lane. */
  readonly top: number
  readonly paths: ReadonlyArray<readonly [look: string, path: string]>
}

const useWidth = () => {
  const size = useSignal(900)
  const ref = useRef<HTMLDivElement>(null)
  // before it is painted, or a narrow window would be too wide for a moment
  useLayoutEffect(() => {
    const element = ref.current
    if (element === null) return undefined
    const observer = new ResizeObserver(() => size.value = element.clientWidth)
    observer.observe(element)
    size.value = element.clientWidth
    return () => observer.disconnect()
  }, [])
  return { size, ref }
}

const packed = new Map<string, Lanes>()

const lanesOf = (key: string, calls: ReadonlyArray<CallReport>): Lanes => {
  const known = packed.get(key)
  if (known !== undefined) return known
  const made = pack(calls, span.to, mostLanes, (span.to - span.from) / 600)
  packed.set(key, made)
  return made
}

const layout = (view: View): ReadonlyArray<Band> =>
  phases.map(({ key, name }) => {
    const calls = callsByPhase.get(key) ?? []
    const lanes = lanesOf(key, calls)
    const height = Math.max(1.5, Math.min(10, tallest / lanes.count))
    const top = Math.max(5, (lowest - lanes.count * height) / 2)
    return { key, name, calls, lanes, height, top, paths: draw(lanes, height, top, view) }
  })

const draw = (lanes: Lanes, height: number, above: number, view: View): Band["paths"] => {
  const paths = new Map<string, Array<string>>(looks.map((look) => [look, []]))
  const scale = view.width / (view.to - view.from)
  const thick = Math.max(1, height - (height > 4 ? 2.5 : 0.5))
  const rectangle = (look: string, lane: number, from: number, to: number, least: number): void => {
    if (to < view.from || from > view.to) return
    const left = Math.max(-2, (from - view.from) * scale)
    const right = Math.min(view.width + 2, Math.max((to - view.from) * scale, left + least))
    if (right <= left) return
    const top = above + lane * height
    paths.get(look)?.push(
      `M${left.toFixed(1)} ${top.toFixed(1)}H${right.toFixed(1)}v${thick.toFixed(1)}H${left.toFixed(1)}z`
    )
  }
  for (const bar of lanes.bars.flat()) {
    const { call, lane } = bar
    if (bar.queuedFrom < bar.from) rectangle("queue", lane, bar.queuedFrom, bar.from, 0)
    if (call.attempts.length === 0) {
      rectangle(tone(call), lane, bar.from, bar.to, 2.5)
      continue
    }
    rectangle("waiting", lane, bar.from, bar.to, 0)
    for (const [index, attempt] of call.attempts.entries()) {
      const isLast = index === call.attempts.length - 1
      const look: Tone = attempt.status === "running"
        ? "running"
        : isLast
        ? tone(call)
        : attempt.status === "done"
        ? "degraded"
        : "failed"
      rectangle(look, lane, attempt.startedAt, attempt.completedAt ?? bar.to, 1.5)
    }
  }
  const bottom = lanes.count * height + above * 2
  const grid = ticksOf(view).ticks.map((tick) => `M${xOf(tick, view).toFixed(1)} 0V${bottom}`).join("")
  return [
    ["grid", grid] as const,
    ...[...paths].map(([look, parts]) => [look, parts.join("")] as const).filter(([, path]) => path !== "")
  ]
}

const looks = ["queue", "waiting", "done", "cached", "quiet", "running", "degraded", "failed"]

const BandName = ({ band }: { readonly band: Band }) => {
  const costUsd = phases.find(({ key }) => key === band.key)?.costUsd ?? 0
  return (
    <button
      type="button"
      class="band-name"
      aria-pressed={phase.value === band.key}
      title={`Show only the calls of ${visible(band.name)}`}
      onPointerDown={(event) => event.stopPropagation()}
      onClick={() => phase.value = phase.value === band.key ? "" : band.key}
    >
      <bdi>{visible(band.name)}</bdi>
      <span class="band-facts">
        {counted(band.calls.length, "call")}
        {costUsd > 0 && ` · ${usd(costUsd)}`}
      </span>
    </button>
  )
}

const Load = (view: View) => {
  const { from, to, width } = view
  const steps = Math.max(10, Math.floor(width / 2))
  const values = load(report.calls, from, to, steps, span.to)
  const most = values.reduce((a, b) => Math.max(a, b), 1)
  const step = width / steps
  const path = values.map((value, at) => `L${(at * step).toFixed(1)} ${y(value, most)}h${step.toFixed(1)}`).join("")
  return (
    <svg class="load" width={width} height={loadHeight} role="img" aria-label={`At most ${most} requests at once`}>
      {runWaits.map((wait) => (
        <path class="waiting" key={wait.from} d={pause(wait, view)}>
          <title>{`the workflow waited: ${visible(wait.reason)}`}</title>
        </path>
      ))}
      <path d={`M0 ${loadHeight}${path}V${loadHeight}z`} />
    </svg>
  )
}

const loadHeight = 34

/** The workflow's own waits; those of calls are in their bars. */
const runWaits = report.waits.filter((wait) => wait.callId === null).slice(0, 200)

const pause = (wait: WaitReport, { from, to, width }: View): string => {
  const x = (at: number): number => Math.max(0, Math.min(width, (at - from) / (to - from) * width))
  return `M${x(wait.from).toFixed(1)} 2H${x(wait.endedAt ?? span.to).toFixed(1)}V${loadHeight}H${
    x(wait.from).toFixed(1)
  }z`
}

const y = (value: number, most: number): string => (loadHeight - value / most * (loadHeight - 4)).toFixed(1)

const steps = [
  1,
  2,
  5,
  10,
  20,
  50,
  100,
  200,
  500,
  1e3,
  2e3,
  5e3,
  1e4,
  1.5e4,
  3e4,
  6e4,
  12e4,
  3e5,
  6e5,
  9e5,
  18e5,
  36e5,
  72e5,
  216e5,
  432e5,
  864e5
]

/** Round moments after the beginning of the run, some hundred pixels apart. */
const ticksOf = ({ from, to, width }: View) => {
  const wanted = (to - from) / Math.max(2, width / 110)
  const step = steps.find((one) => one >= wanted) ?? 864e5
  const first = Math.ceil((from - span.from) / step) * step
  const ticks: Array<number> = []
  for (let at = first; at <= to - span.from && ticks.length < 200; at += step) ticks.push(at)
  return { step, ticks }
}

const xOf = (tick: number, { from, to, width }: View): number => (tick + span.from - from) / (to - from) * width

const Axis = (view: View) => {
  const { step, ticks } = ticksOf(view)
  const { width } = view
  return (
    <div class="ticks" aria-hidden="true">
      {ticks.map((tick) => {
        const left = xOf(tick, view)
        return left > width - 24 ? null : <span key={tick} style={{ left: `${left}px` }}>{axisLabel(tick, step)}</span>
      })}
    </div>
  )
}

const axisLabel = (milliseconds: number, step: number): string => {
  if (milliseconds === 0) return "0"
  if (step < 1000) return milliseconds < 1000 ? `${milliseconds} ms` : `${milliseconds / 1000} s`
  const seconds = Math.round(milliseconds / 1000)
  const clock = `${Math.floor(seconds / 60) % 60}:${String(seconds % 60).padStart(2, "0")}`
  if (seconds >= 86_400 && step >= 36e5) return `${Math.floor(seconds / 86_400)} d ${Math.floor(seconds / 3600) % 24} h`
  return seconds >= 3600 ? `${Math.floor(seconds / 3600)}:${clock.padStart(5, "0")}` : clock
}

const Legend = () => (
  <ul class="legend" aria-label="Colours">
    {legend.filter(([look]) => uses.has(look)).map(([look, name]) => (
      <li key={look}>
        <svg class={`swatch ${look}`} viewBox="0 0 14 8" aria-hidden="true">
          <path class={look} d="M0 0H14V8H0z" />
        </svg>
        {name}
      </li>
    ))}
  </ul>
)

const legend = [
  ["done", "answered"],
  ["cached", "from cache"],
  ["degraded", "stand-in"],
  ["failed", "failed"],
  ["running", "running"],
  ["quiet", "cancelled"],
  ["queue", "queued"],
  ["waiting", "waiting"]
] as const

const uses: ReadonlySet<string> = new Set([
  ...report.calls.map(tone),
  ...runWaits.length > 0 || report.calls.some((call) => call.attempts.length > 1) ? ["waiting"] : [],
  ...report.calls.some((call) => call.attempts.some(({ status }) => status === "failed")) ? ["failed"] : [],
  ...report.calls.some((call) => (call.queuedMs ?? 0) > 0) ? ["queue"] : []
])

const Selection = ({ drag }: { readonly drag: { readonly from: number; readonly to: number } | null }) => {
  if (drag === null || Math.abs(drag.to - drag.from) < 6) return null
  const left = Math.max(Math.min(drag.from, drag.to), inset)
  return (
    <div
      class="selection"
      style={{ left: `${left}px`, width: `${Math.max(0, Math.max(drag.from, drag.to) - left)}px` }}
    />
  )
}

const Tip = ({ bar: { call }, x, y }: { readonly bar: Bar; readonly x: number; readonly y: number }) => (
  <div class="tip" style={{ left: `${Math.min(x + 14, innerWidth - 320)}px`, top: `${y + 16}px` }}>
    <strong>{visible(nameOf(call)).slice(0, 90)}</strong>
    <span>
      {word(call.status)}
      {isCached(call) && ", from cache"} · {visible(answerer(call))}
    </span>
    <span>
      {offset(call.createdAt - span.from)} · {duration(call.durationMs)}
      {(call.queuedMs ?? 0) >= 1000 && ` · queued ${duration(call.queuedMs)}`}
    </span>
    {call.attempts.length > 1 && (
      <span>{call.attempts.length} requests{call.errorKind !== null && `, at last ${visible(call.errorKind)}`}</span>
    )}
    {call.usage.outputTokens > 0 && <span>{compact(call.usage.outputTokens)} tokens written · {usd(call.costUsd)}
    </span>}
  </div>
)
