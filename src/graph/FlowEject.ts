/**
 * Graphs as TypeScript workflows, for whoever wants to go on in code.
 *
 * - J1. The program makes the calls the graph makes: the same prompts, schemas, models and scopes, in the same order, so
 *   the same keys.
 * - J2. It is written with the public modules of the package, and type-checks under strict settings.
 * - J3. Names are variables, loops are loops and branches are `if` and `switch`, wherever that says the same.
 */
import type { Flow, Node } from "./Flow.ts"
import * as Body from "./FlowEjectBody.ts"
import type { File } from "./FlowEjectFile.ts"
import * as Files from "./FlowEjectFile.ts"
import * as Print from "./FlowEjectPrint.ts"
import * as Types from "./FlowEjectTypes.ts"
import type { Facts } from "./FlowEjectWriter.ts"
import * as Writers from "./FlowEjectWriter.ts"

/**
 * Where the program is going to stand, and the graphs it runs.
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Absolute path of the directory the program is written to. */
  readonly directory: string
  /** The way from a directory to a file or directory, with `/` between names. */
  readonly relative: (from: string, to: string) => string
  /** Graphs that are run by others, by their absolute paths. */
  readonly children: ReadonlyMap<string, Flow>
}

/**
 * A graph as the text of a program.
 * @category converting
 * @since 0.1.0
 */
export const eject = (flow: Flow, options: Options): string => {
  // what is read where is known once everything is written, so it is written twice
  const facts = write(flow, options, Writers.noFacts).facts
  return write(flow, options, facts).text
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const write = (flow: Flow, options: Options, known: Facts): { readonly text: string; readonly facts: Facts } => {
  const file = Files.make()
  const facts = Writers.facts()
  const programs = new Map<string, string>()
  const childOf = (path: string): string => {
    const child = options.children.get(path)
    if (child === undefined) return file.workflow(relativeImport(options, path))
    const existing = programs.get(path)
    if (existing !== undefined) return existing
    const name = file.name(path.replace(/^.*[\\/]/, "").replace(/\.\w+$/, ""))
    programs.set(path, name)
    file.add(`const ${name} = ${program(child, file, { ...options, childOf }, known, facts)}`)
    return name
  }
  const text = program(flow, file, { ...options, childOf }, known, facts)
  file.add(`export default ${text}`)
  return { text: file.text(header(flow, options)), facts }
}

const relativeImport = ({ directory, relative }: Options, path: string): string => {
  const way = relative(directory, path)
  return way.startsWith(".") ? way : `./${way}`
}

const header = (flow: Flow, { directory, relative }: Options): string => {
  const about = flow.description.replaceAll("*/", "* /").split("\n").map((line) => line.trim()).filter((line) =>
    line !== ""
  )
  const name = relative(directory, flow.file).replaceAll("*/", "* /")
  return `/**\n${
    [...about.map((line) => ` * ${line}`), ...about.length === 0 ? [] : [" *"], ` * Made of ${name} by \`owf eject\`.`]
      .join("\n")
  }\n */\n`
}

const working: ReadonlySet<Node["type"]> = new Set(["agent", "script", "for_each", "while", "parallel", "workflow"])

const program = (flow: Flow, file: File, options: Writers.Options, known: Facts, facts: Facts): string => {
  file.verb("Workflow")
  const args = flow.variables.length === 0
    ? undefined
    : file.constant(
      "Args",
      `${file.module("Schema")}.Struct({\n${
        Print.indent(
          flow.variables.map((variable) => `${Print.key(variable.name)}: ${Types.argument(variable)}`).join(",\n")
        )
      }\n})`
    )
  const phases = [...flow.nodes.values()].filter(({ type }) => working.has(type)).map(({ id }) => id)
  const { costUsd, tokens, wallClockMs } = flow.limits
  const budget = [
    ...tokens === undefined ? [] : [`tokens: ${tokens}`],
    ...costUsd === undefined ? [] : [`costUsd: ${costUsd}`]
  ]
  const definition = Print.object([
    `name: ${Print.quote(flow.name)}`,
    ...flow.description === "" ? [] : [`description: ${Print.quote(flow.description)}`],
    ...phases.length === 0 ? [] : [`phases: ${Print.literal(phases)}`],
    ...budget.length === 0 ? [] : [`budget: ${Print.object(budget)}`],
    ...args === undefined ? [] : [args === "Args" ? "args: Args" : `args: ${args}`]
  ], 50)
  const { body, readsArgs } = Body.program(flow, file, options, known, facts)
  const parameters = readsArgs ? "args" : ""
  const inner = Print.indent(body)
  if (wallClockMs === undefined) return `Workflow.make(${definition}, function*(${parameters}) {\n${inner}\n})`
  const bound = `FlowSteps.within(${Print.quote(flow.name)}, ${Writers.durationOf(wallClockMs)})`
  return `Workflow.make(${definition}, (${parameters}) =>\n${
    Print.indent(`Effect.gen(function*() {\n${inner}\n}).pipe(${bound})`)
  })`
}
