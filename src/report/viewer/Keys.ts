/**
 * What the keys do. Where something is being typed they are letters.
 */
import {
  clearFilters,
  close,
  cursor,
  isFiltered,
  isHelpOpen,
  isWide,
  move,
  open,
  opened,
  tab,
  tabNames
} from "./State.ts"

/** The keys, as the help shows them. */
export const keys: ReadonlyArray<readonly [key: string, does: string]> = [
  ["j / ↓", "next call"],
  ["k / ↑", "previous call"],
  ["Enter", "open the call"],
  ["Esc", "close the call, then clear the filters"],
  ["w", "the open call in the whole window"],
  ["/", "search"],
  ["1 – 4", "calls, costs, events, runs"],
  ["?", "this help"]
]

/** Listens to the keyboard. */
export const listen = (): void => document.addEventListener("keydown", press)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const press = (event: KeyboardEvent): void => {
  if (event.ctrlKey || event.metaKey || event.altKey) return
  const done = event.key === "Escape" ? escape(event) : isTyping(event) ? typing(event) : act(event)
  if (done) event.preventDefault()
}

const isTyping = ({ target }: KeyboardEvent): boolean =>
  target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement

const typing = (event: KeyboardEvent): boolean => {
  if (event.key !== "Enter" && event.key !== "ArrowDown" || !(event.target instanceof HTMLInputElement)) return false
  event.target.blur()
  cursor.value = null
  move(1)
  return true
}

const escape = (event: KeyboardEvent): boolean => {
  if (isHelpOpen.value) isHelpOpen.value = false
  else if (isTyping(event) && event.target instanceof HTMLElement) event.target.blur()
  else if (opened.value !== null) close()
  else if (isFiltered.value) clearFilters()
  return true
}

const act = (event: KeyboardEvent): boolean => {
  switch (event.key) {
    case "j":
    case "k":
      move(event.key === "j" ? 1 : -1)
      return true
    case "ArrowDown":
    case "ArrowUp":
      if (!isOnRow(event)) return false
      move(event.key === "ArrowDown" ? 1 : -1)
      return true
    case "Enter":
      if (isOnControl(event) || cursor.value === null) return false
      open(cursor.value)
      return true
    case "/":
      document.getElementById("search")?.focus()
      return true
    case "w":
      isWide.value = !isWide.value
      return true
    case "?":
      isHelpOpen.value = !isHelpOpen.value
      return true
    default:
      return choose(event.key)
  }
}

const choose = (key: string): boolean => {
  const chosen = tabNames[Number(key) - 1]
  if (chosen === undefined) return false
  tab.value = chosen
  return true
}

const isOnRow = ({ target }: KeyboardEvent): boolean =>
  target instanceof Element && target.closest("[role=row]") !== null

const isOnControl = ({ target }: KeyboardEvent): boolean =>
  target instanceof Element && target.closest("button, a, summary, select") !== null
