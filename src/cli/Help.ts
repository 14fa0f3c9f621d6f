/**
 * Help texts, as plain text that fits into 100 columns: the same on a terminal, in a pipe and in the documentation.
 */
import type { Positional, Spec } from "./Spec.ts"
import { version } from "./Version.ts"

/**
 * Help of `owf` itself: the commands and the options that stand before them.
 * @category constructors
 * @since 0.1.0
 */
export const root = (specs: ReadonlyArray<Spec>): string =>
  [
    `owf ${version} - durable workflows of agent calls`,
    "",
    "Usage: owf <command> [options]",
    "",
    "Commands:",
    ...rows(specs.map((spec) => [usageOf(spec), spec.summary])),
    "",
    "Options, before or after the command:",
    ...rows([
      ["--home DIR", "Directory of the runs (default: OWF_HOME, else the nearest .workflows, else ./.workflows)"],
      ["--debug", "Show stack traces of errors"],
      ["-h, --help", "Show this help, or that of a command"],
      ["-v, --version", "Show the version"]
    ]),
    "",
    "Examples:",
    "  owf new flow.ts && owf run flow.ts",
    "  owf resume latest",
    "  owf status latest"
  ].join("\n")

/**
 * Help of commands that share their first word.
 * @category constructors
 * @since 0.1.0
 */
export const group = (name: string, members: ReadonlyArray<Spec>): string =>
  [
    `Usage: owf ${name} <command> [options]`,
    "",
    "Commands:",
    ...rows(members.map((spec) => [usageOf(spec), spec.summary])),
    "",
    "Examples:",
    ...members.flatMap(({ examples: [first] }) => first === undefined ? [] : [`  ${first}`])
  ].join("\n")

/**
 * Help of one command.
 * @category constructors
 * @since 0.1.0
 */
export const command = (spec: Spec): string =>
  [
    `Usage: owf ${usageOf(spec)} [options]`,
    "",
    ...wrap(`${spec.summary}.${spec.details === "" ? "" : ` ${spec.details}`}`, width),
    ...section(
      "Argument:",
      spec.positional === undefined ? [] : [[`<${spec.positional.name}>`, spec.positional.description]]
    ),
    ...section("Options:", [
      ...spec.flags.map((flag): readonly [string, string] => [
        `${flag.short === undefined ? "" : `-${flag.short}, `}--${flag.name}${
          flag.placeholder === undefined ? "" : ` ${flag.placeholder}`
        }`,
        flag.description
      ]),
      ["-h, --help", "Show this help"]
    ]),
    "",
    "Examples:",
    ...spec.examples.map((example) => `  ${example}`)
  ].join("\n")

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const width = 100

const usageOf = ({ name, positional }: Spec): string =>
  positional === undefined
    ? name
    : `${name} ${argumentOf(positional)}`

const argumentOf = ({ name, optional, repeated }: Positional): string =>
  repeated === true ? `[${name}...]` : optional === true ? `[${name}]` : `<${name}>`

const section = (title: string, entries: ReadonlyArray<readonly [string, string]>): ReadonlyArray<string> =>
  entries.length === 0 ? [] : ["", title, ...rows(entries)]

const rows = (entries: ReadonlyArray<readonly [string, string]>): ReadonlyArray<string> => {
  const column = Math.max(...entries.map(([left]) => left.length)) + 4
  return entries.flatMap(([left, right]) =>
    wrap(right, width - column).map((line, index) =>
      `${index === 0 ? `  ${left}`.padEnd(column) : " ".repeat(column)}${line}`
    )
  )
}

const wrap = (text: string, columns: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let line = ""
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > columns) {
      lines.push(line)
      line = ""
    }
    line = line === "" ? word : `${line} ${word}`
  }
  return [...lines, line]
}
