/**
 * What a call changed, file by file, before and after beside each other.
 */
import { useState } from "preact/hooks"
import type { Change } from "../../domain/Change.ts"
import { visible } from "./Format.ts"
import { parse } from "./Patch.ts"
import type { FilePatch, Line } from "./Patch.ts"

/** The changed files of a call with their patch; files without lines in it are named. */
export const Diff = ({ changes, patch }: { readonly changes: ReadonlyArray<Change>; readonly patch: string }) => {
  const files = parse(patch)
  const inPatch = new Set(files.map((file) => file.path))
  const others = changes.filter((change) => !inPatch.has(change.path))
  return (
    <div class="diffs">
      {files.map((file, at) => <File key={file.path} file={file} isOpenAtFirst={at < 20} />)}
      {others.map((change) => (
        <div class="diff-file" key={change.path}>
          <div class="diff-head">
            <Kind kind={change.kind} />
            <Path path={change.path} from={change.from} />
            <span class="quiet">{change.kind === "ignored" ? "ignored by git, in no patch" : "not in the patch"}</span>
          </div>
        </div>
      ))}
    </div>
  )
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const page = 400

const File = ({ file, isOpenAtFirst }: { readonly file: FilePatch; readonly isOpenAtFirst: boolean }) => {
  const [isOpen, setOpen] = useState(isOpenAtFirst)
  return (
    <section class="diff-file" aria-label={visible(file.path)}>
      <button type="button" class="diff-head" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <span class="twist" aria-hidden="true">{isOpen ? "▾" : "▸"}</span>
        <Kind kind={file.kind} />
        <Path path={file.path} from={file.from} />
        <span class="diff-counts">
          <span class="plus">+{file.added}</span> <span class="minus">−{file.removed}</span>
        </span>
      </button>
      {isOpen && <Lines file={file} />}
    </section>
  )
}

const Lines = ({ file }: { readonly file: FilePatch }) => {
  const [limit, setLimit] = useState(page)
  const total = file.hunks.reduce((sum, hunk) => sum + hunk.rows.length, 0)
  if (total === 0) {
    return <p class="diff-note">{file.isBinary ? "a binary file" : "no line differs: only its name or mode"}</p>
  }
  let left = limit
  return (
    <div class="scroll">
      <table class="diff">
        <colgroup>
          <col class="number" />
          <col />
          <col class="number" />
          <col />
        </colgroup>
        {file.hunks.map((hunk) => {
          const rows = hunk.rows.slice(0, Math.max(0, left))
          left -= hunk.rows.length
          return rows.length > 0 && (
            <tbody>
              <tr class="hunk">
                <td colSpan={4}>⋯ {visible(hunk.heading)}</td>
              </tr>
              {rows.map((row) => (
                <tr>
                  <Side line={row.left} />
                  <Side line={row.right} />
                </tr>
              ))}
            </tbody>
          )
        })}
      </table>
      {total > limit && (
        <button type="button" class="link more" onClick={() => setLimit(limit + page * 5)}>
          {total - limit} more lines
        </button>
      )}
    </div>
  )
}

const Side = ({ line }: { readonly line: Line | null }) =>
  line === null
    ? (
      <>
        <td class="number none" />
        <td class="none" />
      </>
    )
    : (
      <>
        <td class={`number ${line.kind}`}>{line.number}</td>
        <td class={line.kind}>
          <Marked line={line} />
        </td>
      </>
    )

const Marked = ({ line: { changed, text } }: { readonly line: Line }) =>
  changed === null || changed[0] === changed[1] ? <>{visible(text)}</> : (
    <>
      {visible(text.slice(0, changed[0]))}
      <mark>{visible(text.slice(changed[0], changed[1]))}</mark>
      {visible(text.slice(changed[1]))}
    </>
  )

const Kind = ({ kind }: { readonly kind: Change["kind"] }) => (
  <span class={`kind ${kind}`} title={kind}>{kind === "ignored" ? "I" : (kind[0] ?? "").toUpperCase()}</span>
)

const Path = ({ from, path }: { readonly path: string; readonly from: string | null }) => (
  <span class="path">
    {from !== null && (
      <>
        <bdi class="quiet">{visible(from)}</bdi>
        {" → "}
      </>
    )}
    <bdi>{visible(path)}</bdi>
  </span>
)
