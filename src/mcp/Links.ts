/**
 * The addresses of what a client can read beside the tools: `owf://runs/<id>/report`, `owf://runs/<id>/output`.
 */
import type { Link } from "./Tool.ts"

/**
 * What is read of a run.
 * @category models
 * @since 0.1.0
 */
export interface Address {
  readonly run: string
  readonly what: "report" | "output"
  readonly home: string | undefined
}

/**
 * The address of something of a run.
 * @category converting
 * @since 0.1.0
 */
export const toUri = ({ home, run, what }: Address): string =>
  `owf://runs/${encodeURIComponent(run)}/${what}${home === undefined ? "" : `?home=${encodeURIComponent(home)}`}`

/**
 * What an address names; undefined where it names nothing of ours.
 * @category converting
 * @since 0.1.0
 */
export const fromUri = (uri: string): Address | undefined => {
  const found = /^owf:\/\/runs\/([^/?#]{1,200})\/(report|output)(?:\?home=([^&#]{1,4000}))?$/.exec(uri)
  const [run, home] = [decoded(found?.[1]), decoded(found?.[3])]
  const what = found?.[2]
  if (run === undefined || (what !== "report" && what !== "output")) return undefined
  return found?.[3] !== undefined && home === undefined ? undefined : { run, what, home }
}

/**
 * The links a result about a run has.
 * @category converting
 * @since 0.1.0
 */
export const ofRun = (run: string, home: string | undefined): ReadonlyArray<Link> => [{
  uri: toUri({ run, what: "report", home }),
  name: `Report of run ${run}`,
  mimeType: "text/markdown"
}]

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const decoded = (text: string | undefined): string | undefined => {
  if (text === undefined) return undefined
  try {
    return decodeURIComponent(text)
  } catch {
    // half an escape
    return undefined
  }
}
