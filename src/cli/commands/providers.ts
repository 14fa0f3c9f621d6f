/**
 * `owf providers`: lists the providers, what each can do, and what is missing to use it.
 */
import * as Effect from "effect/Effect"
import * as Format from "../Format.ts"
import { Host } from "../Host.ts"
import type { CapabilitiesView, LimitsView, ProviderView } from "../Inspection.ts"
import { print, printJson } from "../Output.ts"
import * as Spec from "../Spec.ts"
import { reading } from "./shared.ts"

/**
 * Lists the providers, what each can do, and what is missing to use it.
 * @category constructors
 * @since 0.1.0
 */
export const providers = Spec.make({
  name: "providers",
  summary: "List the providers, what each can do, and what it needs",
  details:
    "Nothing is asked of them: keys are looked for in the environment and not shown, programs are asked for their " +
    "version. Providers of your own stand in ~/.workflows/providers.json, or in the file that OWF_PROVIDERS_FILE names.",
  examples: ["owf providers", "owf providers --json"],
  flags: reading
}, ({ json }) =>
  Effect.gen(function*() {
    const { inspector } = yield* Host
    const views = yield* inspector.providers
    if (json) return yield* printJson(views)
    yield* print(Format.table([overviewHeader, ...views.map(overview)]))
    yield* print("")
    yield* print(Format.table([matrixHeader, ...views.map(matrix)]))
  }))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const overviewHeader = ["provider", "kind", "model", "needs", "state"]

const overview = (view: ProviderView): ReadonlyArray<string> => [
  [view.name, ...view.aliases].join(", "),
  view.kind,
  view.default_model ?? "-",
  needs(view),
  stateOf(view)
]

const needs = ({ capabilities, key, program }: ProviderView): string =>
  program !== null
    ? `${program.command}${program.version === null ? "" : ` ${program.version}`}`
    : key === null
    // of one that cannot be built nobody knows what it needs beside that
    ? capabilities === null ? "-" : "nothing"
    : key.variables.map((variable) => `$${variable}`).join(" or ")

const stateOf = ({ key, name, problem, program }: ProviderView): string => {
  // what a program's command is stands beside it
  if (problem !== null) return Format.bare(name, Format.bare(program?.command ?? name, problem))
  if (program !== null) return program.version === null ? "found, version not known" : "found"
  return key === null ? "ready" : `ready, $${key.set} is set`
}

const matrixHeader = [
  "provider",
  "schema",
  "reads files",
  "writes files",
  "read-only",
  "sessions",
  "temperature",
  "bounds output",
  "cost",
  "limits"
]

const matrix = ({ capabilities, limits, name }: ProviderView): ReadonlyArray<string> => [
  name,
  ...capabilities === null ? ["-", "-", "-", "-", "-", "-", "-", "-"] : columns(capabilities),
  limitsOf(limits)
]

const columns = (own: CapabilitiesView): ReadonlyArray<string> => [
  own.schema,
  yesNo(own.reads_files),
  yesNo(own.writes_files),
  own.read_only,
  yesNo(own.sessions),
  yesNo(own.temperature),
  yesNo(own.bounds_output),
  own.cost
]

const yesNo = (value: boolean): string => value ? "yes" : "no"

const limitsOf = ({ concurrency, requests_per_minute: requests, tokens_per_minute: tokens }: LimitsView): string => {
  const limits = [
    concurrency === null ? [] : [`${concurrency} at a time`],
    requests === null ? [] : [`${requests} requests/min`],
    tokens === null ? [] : [`${tokens} tokens/min`]
  ].flat()
  return limits.length === 0 ? "none" : limits.join(", ")
}
