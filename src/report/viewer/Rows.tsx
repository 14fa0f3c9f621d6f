/**
 * A long list in the flow of the page, of which only the rows in sight are in the page.
 */
import { useSignal } from "@preact/signals"
import type { ComponentChild } from "preact"
import { useEffect, useRef } from "preact/hooks"
import { isPrinting } from "./State.ts"

/** Rows of one height; on paper as many as are readable there. */
export function Rows<A>({ height, items, reveal, row }: {
  readonly items: ReadonlyArray<A>
  readonly height: number
  readonly row: (item: A, at: number) => ComponentChild
  /** The row to bring into sight when it changes. */
  readonly reveal?: number
}) {
  const box = useRef<HTMLDivElement>(null)
  const view = useSignal({ first: 0, last: 60 })
  const look = (): void => {
    const top = box.current?.getBoundingClientRect().top ?? 0
    const first = Math.max(0, Math.floor(-top / height) - spare)
    const last = Math.ceil((innerHeight - top) / height) + spare
    if (first !== view.value.first || last !== view.value.last) view.value = { first, last }
  }
  useEffect(() => {
    look()
    globalThis.addEventListener("scroll", look, { passive: true })
    globalThis.addEventListener("resize", look)
    return () => {
      globalThis.removeEventListener("scroll", look)
      globalThis.removeEventListener("resize", look)
    }
  }, [])
  useEffect(look, [items])
  useEffect(() => {
    if (reveal === undefined || reveal < 0 || box.current === null) return
    const top = box.current.getBoundingClientRect().top + reveal * height
    const head = stickyHeight(box.current)
    if (top < head) scrollBy({ top: top - head - height })
    else if (top + height > innerHeight) scrollBy({ top: top + height * 2 - innerHeight })
  }, [reveal])
  if (isPrinting.value) {
    return (
      <div class="rows printed" role="rowgroup">
        {items.slice(0, mostPrinted).map(row)}
        {items.length > mostPrinted && <p>{items.length - mostPrinted} more rows are in the file and not on paper.</p>}
      </div>
    )
  }
  const { first, last } = view.value
  return (
    <div class="rows" role="rowgroup" ref={box} style={{ height: `${items.length * height}px` }}>
      <div class="rows-inside" style={{ transform: `translateY(${Math.min(first, items.length) * height}px)` }}>
        {items.slice(first, last).map((item, at) => row(item, first + at))}
      </div>
    </div>
  )
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const spare = 8
const mostPrinted = 1000

/** How much of the window is behind what stays at its top. */
const stickyHeight = (list: HTMLElement): number => {
  const head = list.closest("main")?.querySelector(".sticky")
  return head instanceof HTMLElement ? head.offsetHeight : 0
}
