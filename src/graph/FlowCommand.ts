/**
 * Whether values of a run could become code of a script node.
 *
 * What an agent wrote reaches a program as an argument, a variable or input, and there it is data. It is not where a
 * program takes that argument for source text, as `bash -c`, `python3 -c` and `ssh` do.
 */
import type { ScriptNode, Template } from "./Flow.ts"
import type { Problem } from "./FlowError.ts"
import * as FlowError from "./FlowError.ts"

/**
 * Where a script node would run values as code.
 * @category converting
 * @since 0.1.0
 */
export const check = (node: ScriptNode): ReadonlyArray<Problem> => [
  ...checkArguments(node),
  ...checkEnvironment(node)
]

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Programs that read source text, and the options that say so. */
const interpreters: ReadonlyArray<readonly [program: RegExp, code: RegExp]> = [
  [/^(?:ba|da|z|k|mk|a|fi|c|tc)?sh$|^busybox$/, /^(?:-[a-zA-Z]*c|--command)/],
  [/^python[\d.]*$|^pypy[\d.]*$/, /^-[a-zA-Z]*[cm]/],
  [/^(?:node|nodejs|bun|deno|tsx)$/, /^(?:-[a-z]*[ep]|--eval|--print|eval)/],
  [/^(?:perl|ruby|lua[\d.]*|tclsh|osascript|Rscript|julia|groovy|scala)$/, /^-[a-zA-Z]*[eE]/],
  [/^php[\d.]*$/, /^-[rBRE]/],
  [/^(?:pwsh|powershell)(?:\.exe)?$/, /^-(?:c|e)/i],
  [/^cmd(?:\.exe)?$/, /^\/[ck]/i],
  [/^(?:g|m|n)?awk$/, /^(?!-)/],
  [/^(?:sqlite3|psql|mysql)$/, /^(?:-[a-z]*[ce]|--command|--execute)/]
]

/** Programs that run what follows, after options and assignments of their own. */
const wrappers =
  /^(?:env|sudo|doas|nohup|nice|ionice|timeout|time|xargs|stdbuf|setsid|exec|command|chroot|unshare|script)$/
/** Programs that give all they are given to a shell. */
const remote = /^(?:ssh|rsh|su|watch|eval)$/

/** Variables that programs read code, or places to load it from, out of. */
const loading =
  /^(?:PATH|IFS|ENV|BASH_ENV|BASH_FUNC_.*|PROMPT_COMMAND|PS4|SHELLOPTS|LD_(?:PRELOAD|LIBRARY_PATH|AUDIT)|DYLD_.*|NODE_OPTIONS|NODE_PATH|PYTHON(?:PATH|STARTUP|HOME|INSPECT)|PERL5(?:LIB|OPT|DB)|RUBY(?:OPT|LIB)|GIT_(?:SSH|SSH_COMMAND|EXEC_PATH|CONFIG.*|EDITOR|EXTERNAL_DIFF|PAGER|ASKPASS|SEQUENCE_EDITOR)|EDITOR|VISUAL|PAGER|SHELL|JAVA_TOOL_OPTIONS)$/

const asData =
  "Put the code in a script file and give it the value in 'args', 'env' or 'input', where it stays a value."

const isTemplate = ({ source }: Template): boolean => /\{[{%]/.test(source)

const baseName = (path: string): string => path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1)

const checkArguments = (node: ScriptNode): ReadonlyArray<Problem> => {
  let program = baseName(node.script)
  let rest = [...node.args]
  while (wrappers.test(program)) {
    const at = rest.findIndex(({ source }) =>
      !source.startsWith("-") && !/^\w+=/.test(source) && !/^[\d.]+\w?$/.test(source)
    )
    const command = rest[at]
    if (command === undefined) return []
    if (isTemplate(command)) return [refuse(node, command, `chooses the program that ${program} runs`)]
    program = baseName(command.source)
    rest = rest.slice(at + 1)
  }
  if (remote.test(program)) {
    return rest.filter(isTemplate).slice(0, 1).map((arg) => refuse(node, arg, `is read by a shell through ${program}`))
  }
  const code = interpreters.find(([pattern]) => pattern.test(program))?.[1]
  return code === undefined ? [] : checkInterpreter(node, program, rest, code)
}

/** Up to the file that is run everything is an option, or code; after it everything is data. */
const checkInterpreter = (
  node: ScriptNode,
  program: string,
  args: ReadonlyArray<Template>,
  code: RegExp
): ReadonlyArray<Problem> => {
  for (const [index, arg] of args.entries()) {
    if (isTemplate(arg)) return [refuse(node, arg, `could be run as code by ${program}`)]
    if (code.test(arg.source)) {
      const text = args[index + 1]
      return text !== undefined && isTemplate(text)
        ? [refuse(node, text, `is run as code by ${program} ${arg.source}`)]
        : []
    }
    if (!arg.source.startsWith("-") && !arg.source.startsWith("+")) return []
  }
  return node.input !== null && isTemplate(node.input)
    ? [refuse(node, node.input, `is run as code by ${program}, which has no file to run`)]
    : []
}

const checkEnvironment = (node: ScriptNode): ReadonlyArray<Problem> =>
  [...node.environment].flatMap(([name, value]) =>
    loading.test(name) && isTemplate(value)
      ? [
        refuse(
          node,
          value,
          `stands in ${name}, which decides what code programs run`,
          "Use a variable of another name."
        )
      ]
      : []
  )

const refuse = (node: ScriptNode, { at }: Template, why: string, advice = asData): Problem =>
  FlowError.error(at, `a value in node '${node.id}' ${why}`, advice)
