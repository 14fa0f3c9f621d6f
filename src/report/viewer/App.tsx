/**
 * The page: summary, timeline, and a list of the reader's choice below; the open call beside it.
 */
import { useEffect, useRef } from "preact/hooks"
import { CallHead, CallList, Filters, Search } from "./CallList.tsx"
import { report } from "./Data.ts"
import { Drawer } from "./Drawer.tsx"
import { whole } from "./Format.ts"
import { keys } from "./Keys.ts"
import { isHelpOpen, isPrinting, opened, tab, tabNames } from "./State.ts"
import type { Tab } from "./State.ts"
import { Figures, Notices, Title } from "./Summary.tsx"
import { Costs, Events, Runs } from "./Tables.tsx"
import { Timeline } from "./Timeline.tsx"

/** The whole page. */
export const App = () => (
  <>
    <main class={opened.value === null ? undefined : "beside"}>
      <Title />
      <Figures />
      <Notices />
      <Timeline />
      {isPrinting.value ? <Paper /> : <Lists />}
    </main>
    <Drawer />
    <Help />
  </>
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const names: Readonly<Record<Tab, string>> = {
  calls: "Calls",
  costs: "Costs",
  events: "Events",
  runs: "Input, output, runs"
}

const counts: Readonly<Record<Tab, number | null>> = {
  calls: report.calls.length,
  costs: null,
  events: report.events.length,
  runs: report.runs.length > 1 ? report.runs.length : null
}

const Lists = () => (
  <section class="panel lists">
    <div class="sticky">
      <div class="tabs" role="tablist" aria-label="Lists">
        {tabNames.map((name) => (
          <button
            type="button"
            key={name}
            role="tab"
            id={`tab-${name}`}
            aria-selected={tab.value === name}
            aria-controls="list"
            tabIndex={tab.value === name ? 0 : -1}
            onClick={() => tab.value = name}
            onKeyDown={turn}
          >
            {names[name]}
            {counts[name] !== null && <span class="num">{whole(counts[name])}</span>}
          </button>
        ))}
      </div>
      {tab.value === "calls" && <Filters />}
      {tab.value === "calls" && <CallHead />}
      {tab.value === "events" && (
        <div class="filters">
          <Search />
        </div>
      )}
    </div>
    <div id="list" role="tabpanel" aria-labelledby={`tab-${tab.value}`}>
      {tab.value === "calls"
        ? <CallList />
        : tab.value === "costs"
        ? <Costs />
        : tab.value === "events"
        ? <Events />
        : <Runs />}
    </div>
  </section>
)

/** Arrows go from tab to tab, as they do in other programs. */
const turn = (event: KeyboardEvent): void => {
  const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0
  const next = tabNames[tabNames.indexOf(tab.value) + by]
  if (by === 0 || next === undefined) return
  tab.value = next
  document.getElementById(`tab-${next}`)?.focus()
}

/** Everything below each other; on paper there are no tabs. */
const Paper = () => (
  <>
    <section class="panel lists">
      <header class="panel-head">
        <h2>Calls</h2>
      </header>
      <CallHead />
      <CallList />
    </section>
    <section class="panel lists">
      <header class="panel-head">
        <h2>Costs</h2>
      </header>
      <Costs />
    </section>
    <section class="panel lists">
      <Runs />
    </section>
  </>
)

const Help = () => {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    if (isHelpOpen.value) dialog.current?.showModal()
    else dialog.current?.close()
  }, [isHelpOpen.value])
  return (
    <dialog class="help" ref={dialog} aria-label="Keys" onClose={() => isHelpOpen.value = false}>
      <h2>Keys</h2>
      <dl>
        {keys.map(([key, does]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <p class="quiet">
        Drag over the timeline to look at a part of it. The address of this page keeps the filters and the open call.
      </p>
      <button type="button" class="small" onClick={() => isHelpOpen.value = false}>Close</button>
    </dialog>
  )
}
