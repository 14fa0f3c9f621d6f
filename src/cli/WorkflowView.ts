/**
 * What a workflow file declares, as text and as JSON: what `owf validate` shows.
 */
import * as Either from "effect/Either"
import type * as Schema from "effect/Schema"
import * as AdvertisedSchema from "../internal/advertisedSchema.ts"
import type { AnyDefinition } from "../workflow/Workflow.ts"

/**
 * Where a workflow was loaded from.
 * @category models
 * @since 0.1.0
 */
export interface Source {
  readonly path: string
  readonly sha256: string
}

/**
 * What `owf validate --json` says of a declaration.
 * @category models
 * @since 0.1.0
 */
export interface Declared {
  readonly script_path: string
  readonly script_hash: string
  readonly workflow: Readonly<Record<string, unknown>>
}

/**
 * A workflow's declaration as JSON.
 * @category converting
 * @since 0.1.0
 */
export const toJson = (source: Source, definition: AnyDefinition): Declared => ({
  script_path: source.path,
  script_hash: source.sha256,
  workflow: {
    name: definition.name,
    description: definition.description ?? null,
    phases: definition.phases ?? [],
    mutates_files: definition.mutatesFiles ?? false,
    approval_required: definition.approvalRequired ?? false,
    args: argsOf(definition.args)
  }
})

/**
 * A workflow's declaration as lines for people.
 * @category converting
 * @since 0.1.0
 */
export const render = (source: Source, definition: AnyDefinition): string =>
  [
    `script: ${source.path}`,
    `name: ${definition.name}`,
    ...(definition.description === undefined ? [] : [`description: ${definition.description}`]),
    ...(definition.phases === undefined ? [] : [`phases: ${definition.phases.join(", ")}`]),
    ...(definition.mutatesFiles === true ? ["changes files: yes"] : []),
    ...(definition.approvalRequired === true ? ["approval required: yes"] : []),
    ...(definition.args === undefined ? ["args: none"] : ["args:", JSON.stringify(argsOf(definition.args), null, 2)])
  ].join("\n")

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Null when there are no arguments; a schema that JSON Schema cannot express says so. */
const argsOf = (schema: Schema.Schema.AnyNoContext | undefined): unknown =>
  schema === undefined
    ? null
    : Either.match(AdvertisedSchema.make(schema), {
      onLeft: (why) => ({ description: `These arguments cannot be described as JSON Schema: ${why}.` }),
      onRight: (described) => ({ $schema: "https://json-schema.org/draft/2020-12/schema", ...described })
    })
