/**
 * What reading a graph gives beside its nodes: what has to be looked up before it can be run.
 */
import type { Flow, Position } from "./Flow.ts"
import type { Problem } from "./FlowError.ts"
import * as FlowError from "./FlowError.ts"
import type { Fields } from "./FlowFields.ts"
import * as FlowFields from "./FlowFields.ts"

/**
 * A file that a graph names.
 * @category models
 * @since 0.1.0
 */
export interface FileReference {
  readonly kind: "prompt" | "script" | "workflow"
  /** As it is written. */
  readonly written: string
  /** Absolute path. */
  readonly path: string
  readonly at: Position
}

/**
 * A node that a graph goes to, by its name.
 * @category models
 * @since 0.1.0
 */
export interface Target {
  readonly scope: Scope
  /** The node it goes from; null for a start. */
  readonly from: string | null
  /** What it is called in messages. */
  readonly field: string
  readonly to: string
  readonly at: Position
}

/**
 * The nodes that can go to each other: those of the graph, or those of one body.
 * @category models
 * @since 0.1.0
 */
export interface Scope {
  /** The node the body belongs to; null for the graph itself. */
  readonly owner: string | null
  /** What nodes there are, also those that could not be read. */
  readonly ids: Map<string, Position>
  readonly ends: Set<string>
}

/**
 * A graph that is being read.
 * @category models
 * @since 0.1.0
 */
export interface Reading {
  readonly problems: Array<Problem>
  readonly files: Array<FileReference>
  readonly targets: Array<Target>
  readonly scopes: Array<Scope>
  /** The absolute path of what is written. */
  readonly resolve: (written: string) => string
}

/**
 * A graph as it is read: prompts of files have no text yet, and there is no digest.
 * @category models
 * @since 0.1.0
 */
export interface Draft extends Omit<Reading, "resolve"> {
  readonly flow: Flow
}

/**
 * Begins to read a graph.
 * @category constructors
 * @since 0.1.0
 */
export const reading = (resolve: (written: string) => string): Reading => ({
  problems: [],
  files: [],
  targets: [],
  scopes: [],
  resolve
})

/**
 * The absolute path of a file that a field names; empty where it names none.
 * @category getters
 * @since 0.1.0
 */
export const file = (
  { files, problems, resolve }: Reading,
  fields: Fields,
  key: string,
  kind: FileReference["kind"]
): string => {
  const written = FlowFields.needed(fields, key)
  if (written === null) return ""
  const at = FlowFields.value(fields, key)?.at ?? fields.at
  if (/\{[{%]/.test(written)) {
    problems.push(FlowError.error(
      at,
      `'${key}' of ${fields.what} is a template, and what is run cannot depend on values`,
      kind === "script"
        ? "Name a program, and give it values in 'args', 'env' or 'input'."
        : "Name a file; a branch can choose."
    ))
    return ""
  }
  const path = resolve(written)
  files.push({ kind, written, path, at })
  return path
}

/**
 * The node that a field names; empty where it names none.
 * @category getters
 * @since 0.1.0
 */
export const target = (
  { targets }: Reading,
  scope: Scope,
  fields: Fields,
  key: string,
  options: { readonly from: string | null; readonly isNeeded: boolean; readonly label?: string }
): string | null => {
  const { from, isNeeded, label = `'${key}'` } = options
  const advice = from === null
    ? "Name the node it begins with."
    : scope.owner === null
    ? "Name the node that follows."
    : "Name the node that follows, or 'end' for the end of the body."
  const to = isNeeded ? FlowFields.needed(fields, key, advice) : FlowFields.text(fields, key)
  if (to !== null) targets.push({ scope, from, field: label, to, at: FlowFields.value(fields, key)?.at ?? fields.at })
  return to
}
