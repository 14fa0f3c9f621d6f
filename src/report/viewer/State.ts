/**
 * What the reader looks at: filters, the open call, the tab and the theme, mirrored in the address so that a view can be sent on.
 *
 * - V1. `#call=<id>` opens that call; the other keys of the address restore the filters.
 * - V2. Nothing is fetched or sent; the theme is the only thing that is remembered beside the address.
 */
import { batch, computed, effect, signal } from "@preact/signals"
import type { CallReport } from "../RunReport.ts"
import { answerer, calls, isCached, phaseKey, report, searchable } from "./Data.ts"

/** The lists below the timeline. */
export const tabNames = ["calls", "costs", "events", "runs"] as const

/** One of the lists below the timeline. */
export type Tab = typeof tabNames[number]

/** A property of calls that can be asked for beside their status. */
export const marks: Readonly<Record<string, (call: CallReport) => boolean>> = {
  cached: isCached,
  retried: (call) => call.attempts.length > 1,
  changed: (call) => (call.changes?.length ?? 0) > 0
}

/** The words that are searched for. */
export const query = signal("")
/** The statuses that are asked for; none for all of them. */
export const statuses = signal<ReadonlySet<string>>(new Set())
/** The marks that are asked for. */
export const marked = signal<ReadonlySet<string>>(new Set())
/** The key of the phase that is asked for; empty for all of them. */
export const phase = signal("")
/** The provider, or provider and model, that is asked for; empty for all of them. */
export const provider = signal("")
/** The part of the timeline that is looked at; null for all of it. */
export const range = signal<{ readonly from: number; readonly to: number } | null>(null)
/** The list that is shown. */
export const tab = signal<Tab>("calls")
/** The call the keys act on. */
export const cursor = signal<string | null>(null)
/** The call whose row is to be in sight: the one the keys or the address went to. */
export const sought = signal<string | null>(null)
/** The call that is open. */
export const opened = signal<string | null>(null)
/** Whether the open call takes the whole window. */
export const isWide = signal(false)
/** Whether the keys are explained. */
export const isHelpOpen = signal(false)
/** Whether the page is being printed. */
export const isPrinting = signal(false)
/** The colours the reader has chosen. */
export const theme = signal<"auto" | "light" | "dark">("auto")

/** The calls that the filters leave. */
export const shown = computed<ReadonlyArray<CallReport>>(() => {
  const words = query.value.toLowerCase().split(/\s+/).filter((word) => word !== "")
  const tests: Array<(call: CallReport) => boolean> = []
  const among = statuses.value
  if (among.size > 0) tests.push((call) => among.has(call.status))
  for (const mark of marked.value) tests.push((call) => marks[mark]?.(call) ?? true)
  const inPhase = phase.value
  if (inPhase !== "") tests.push((call) => phaseKey(call) === inPhase)
  const by = provider.value
  if (by !== "") tests.push((call) => answerer(call) === by || call.provider === by)
  const within = range.value
  if (within !== null) {
    tests.push((call) => call.createdAt <= within.to && (call.completedAt ?? Infinity) >= within.from)
  }
  if (words.length > 0) tests.push((call) => words.every((word) => searchable(call).includes(word)))
  return tests.length === 0 ? report.calls : report.calls.filter((call) => tests.every((test) => test(call)))
})

/** Whether anything is filtered. */
export const isFiltered = computed(() =>
  query.value !== "" || statuses.value.size > 0 || marked.value.size > 0 || phase.value !== "" ||
  provider.value !== "" || range.value !== null
)

/** Shows everything again. */
export const clearFilters = (): void =>
  batch(() => {
    query.value = ""
    statuses.value = new Set()
    marked.value = new Set()
    phase.value = ""
    provider.value = ""
    range.value = null
  })

/** Adds a word to a set, or takes it out. */
export const toggled = (set: ReadonlySet<string>, word: string): ReadonlySet<string> => {
  const next = new Set(set)
  if (!next.delete(word)) next.add(word)
  return next
}

/** Shows only calls of one status. */
export const only = (status: string): void =>
  batch(() => {
    clearFilters()
    statuses.value = new Set([status])
    tab.value = "calls"
  })

/** Opens a call, if it is in the report. */
export const open = (id: string): void => {
  if (!calls.has(id)) return
  batch(() => {
    cursor.value = id
    opened.value = id
  })
}

/** Closes the open call. */
export const close = (): void => {
  opened.value = null
}

/** Moves along the calls that are shown; the open call changes with it. */
export const move = (by: number): void => {
  const list = shown.value
  if (list.length === 0) return
  const at = list.findIndex((call) => call.id === cursor.value)
  const next = list[at < 0 ? (by > 0 ? 0 : list.length - 1) : Math.min(list.length - 1, Math.max(0, at + by))]
  if (next === undefined) return
  batch(() => {
    tab.value = "calls"
    cursor.value = next.id
    sought.value = next.id
    if (opened.value !== null) opened.value = next.id
  })
}

/** The address of a call in this file. */
export const linkTo = (id: string): string => `#call=${encodeURIComponent(id)}`

/** Follows the address, and keeps it up to date. */
export const syncAddress = (): void => {
  readAddress()
  globalThis.addEventListener("hashchange", readAddress)
  effect(() => {
    const hash = address()
    if (hash !== location.hash) history.replaceState(null, "", hash === "" ? location.pathname + location.search : hash)
  })
}

/** Follows the choice of light or dark, and remembers it where the browser lets a file do so. */
export const syncTheme = (): void => {
  theme.value = asTheme(stored())
  effect(() => {
    document.documentElement.dataset["theme"] = theme.value
    try {
      localStorage.setItem("owf-theme", theme.value)
    } catch {
      // without storage the choice lasts as long as the page
    }
  })
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const asTheme = (word: string | null): "auto" | "light" | "dark" => word === "light" || word === "dark" ? word : "auto"

const stored = (): string | null => {
  try {
    return localStorage.getItem("owf-theme")
  } catch {
    return null
  }
}

const address = (): string => {
  const parameters = new URLSearchParams()
  if (opened.value !== null) parameters.set("call", opened.value)
  if (tab.value !== "calls") parameters.set("tab", tab.value)
  if (query.value !== "") parameters.set("q", query.value)
  if (statuses.value.size > 0) parameters.set("status", [...statuses.value].join(","))
  if (marked.value.size > 0) parameters.set("with", [...marked.value].join(","))
  if (phase.value !== "") parameters.set("phase", phase.value)
  if (provider.value !== "") parameters.set("by", provider.value)
  const text = parameters.toString()
  return text === "" ? "" : `#${text}`
}

const readAddress = (): void => {
  const parameters = new URLSearchParams(location.hash.slice(1))
  const list = (name: string): ReadonlySet<string> =>
    new Set((parameters.get(name) ?? "").split(",").filter((word) => word !== ""))
  batch(() => {
    const id = parameters.get("call")
    if (id === null || !calls.has(id)) opened.value = null
    else {
      open(id)
      sought.value = id
    }
    const wanted = parameters.get("tab")
    tab.value = tabNames.find((name) => name === wanted) ?? "calls"
    query.value = parameters.get("q") ?? ""
    statuses.value = list("status")
    marked.value = new Set([...list("with")].filter((word) => Object.hasOwn(marks, word)))
    phase.value = parameters.get("phase") ?? ""
    provider.value = parameters.get("by") ?? ""
  })
}
