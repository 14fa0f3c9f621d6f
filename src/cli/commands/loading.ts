/**
 * What the commands that load a workflow have in common: the file they take, their options, and how they end.
 */
import * as Effect from "effect/Effect"
import * as Flag from "../Flag.ts"
import { Exited, Host } from "../Host.ts"
import type { Positional } from "../Spec.ts"

/**
 * The argument that names a workflow file.
 * @category models
 * @since 0.1.0
 */
export const workflowFile: Positional = {
  name: "file",
  description: "A .ts, .mts, .js or .mjs file that exports a workflow as its default, or a .yaml graph"
}

/**
 * The option that names the model of a run that is new.
 * @category constructors
 * @since 0.1.0
 */
export const model = Flag.text("model", "NAME", "Model of the calls that name none (default: the provider's)")

/**
 * The options that bound what a run may use, described for one command.
 * @category constructors
 * @since 0.1.0
 */
export const budget = (described: { readonly tokens: string; readonly costUsd: string }) =>
  ({
    budgetTokens: Flag.number("budget-tokens", "N", described.tokens, { least: 0, whole: true }),
    budgetCostUsd: Flag.number("budget-cost-usd", "USD", described.costUsd, { least: 0, whole: false })
  }) as const

/**
 * The options that give a workflow its arguments.
 * @category constructors
 * @since 0.1.0
 */
export const input = {
  argsJson: Flag.text("args-json", "OBJECT", "Arguments of the workflow as a JSON object; - reads it from stdin"),
  args: Flag.repeated("arg", "KEY=VALUE", "One argument, which wins over --args-json; may be repeated"),
  params: Flag.text("params", "OBJECT", "Variables of a graph as a JSON object, which win over --params-file"),
  paramsFile: Flag.text("params-file", "PATH", "File with the variables of a graph as a JSON object")
} as const

/**
 * The option that names the provider as programs for graphs do.
 * @category constructors
 * @since 0.1.0
 */
export const cli = Flag.text("cli", "NAME", "The same as --provider (default for graphs: AGENT_CLI)")

/**
 * The option that takes no fallback for an answer.
 * @category constructors
 * @since 0.1.0
 */
export const strict = Flag.flag("strict", "Fail where a declared fallback would stand in for an answer")

/**
 * The options that say how a run is shown while it works.
 * @category constructors
 * @since 0.1.0
 */
export const showing = {
  quiet: Flag.flag("quiet", "Print no progress"),
  events: Flag.events,
  noColor: Flag.noColor
} as const

/**
 * Ends a command with the exit code of work that has reported by itself how it went.
 * @category running
 * @since 0.1.0
 */
export const endWith = <E>(
  work: (host: Host["Type"]) => Effect.Effect<number, E>
): Effect.Effect<void, E | Exited, Host> =>
  Effect.flatMap(
    Effect.flatMap(Host, work),
    (code) => code === 0 ? Effect.void : Effect.fail(new Exited({ code }))
  )
