/**
 * JSON as a tree that opens and closes; what is closed is not in the page.
 */
import { useState } from "preact/hooks"
import { visible } from "./Format.ts"

/** A value of JSON as a tree. */
export const JsonTree = ({ value }: { readonly value: unknown }) => (
  <div class="json" role="tree" aria-label="JSON">
    <Node name={null} value={value} depth={0} />
  </div>
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const page = 100
const longest = 2000

interface NodeProps {
  readonly name: string | null
  readonly value: unknown
  readonly depth: number
}

const Node = ({ depth, name, value }: NodeProps) =>
  value !== null && typeof value === "object"
    ? <Branch name={name} value={value} depth={depth} />
    : (
      <div class="json-leaf" role="treeitem" aria-level={depth + 1}>
        <Name name={name} />
        <Leaf value={value} />
      </div>
    )

const Branch = ({ depth, name, value }: NodeProps & { readonly value: object }) => {
  const entries: ReadonlyArray<readonly [string, unknown]> = Object.entries(value)
  const isList = Array.isArray(value)
  const [isOpen, setOpen] = useState(depth < 2 && entries.length <= page || depth === 0)
  const [limit, setLimit] = useState(page)
  const [before, after] = isList ? ["[", "]"] : ["{", "}"]
  if (entries.length === 0) {
    return (
      <div class="json-leaf" role="treeitem" aria-level={depth + 1}>
        <Name name={name} />
        {before}
        {after}
      </div>
    )
  }
  return (
    <div class="json-branch" role="treeitem" aria-expanded={isOpen} aria-level={depth + 1}>
      <button type="button" class="json-toggle" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <span class="twist" aria-hidden="true">{isOpen ? "▾" : "▸"}</span>
        <Name name={name} />
        <span class="json-mark">
          {isOpen ? before : `${before} ${isList ? `${entries.length} items` : summary(entries)} ${after}`}
        </span>
      </button>
      {isOpen && (
        <div class="json-inside" role="group">
          {entries.slice(0, limit).map(([key, inner]) => (
            <Node key={key} name={isList ? null : key} value={inner} depth={depth + 1} />
          ))}
          {entries.length > limit && (
            <button type="button" class="link" onClick={() => setLimit(limit + page * 10)}>
              {entries.length - limit} more
            </button>
          )}
        </div>
      )}
      {isOpen && <div class="json-mark">{after}</div>}
    </div>
  )
}

const summary = (entries: ReadonlyArray<readonly [string, unknown]>): string => {
  const keys = entries.slice(0, 4).map(([key]) => visible(key)).join(", ")
  return entries.length > 4 ? `${keys}, …` : keys
}

const Name = ({ name }: { readonly name: string | null }) =>
  name === null ? null : <span class="json-name">{`${visible(name)}: `}</span>

const Leaf = ({ value }: { readonly value: unknown }) => {
  const [isWhole, setWhole] = useState(false)
  if (typeof value !== "string") {
    return <span class={`json-${value === null ? "null" : typeof value}`}>{String(value)}</span>
  }
  const isLong = value.length > longest && !isWhole
  return (
    <span class="json-string">
      {visible(isLong ? value.slice(0, longest) : value)}
      {isLong && (
        <button type="button" class="link" onClick={() => setWhole(true)}>
          … {value.length - longest} characters more
        </button>
      )}
    </span>
  )
}
