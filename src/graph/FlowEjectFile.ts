/**
 * A TypeScript file that is being written: what it imports, what stands at its top, and which names are taken.
 */
import * as Print from "./FlowEjectPrint.ts"
import type { Type } from "./FlowEjectTypes.ts"
import * as Types from "./FlowEjectTypes.ts"

/**
 * A file that is being written.
 * @category models
 * @since 0.1.0
 */
export interface File {
  /** A name nothing else in the file has, as near to what is asked for as it comes. */
  readonly name: (wanted: string) => string
  /** Notes that a verb or a namespace of the package is used; gives its name. */
  readonly verb: (name: string) => string
  /** Notes that a module is used as a namespace; gives its name. */
  readonly module: (name: keyof typeof modules) => string
  /** Notes that the default of another file is used, and gives its name here. */
  readonly workflow: (path: string) => string
  /** A constant at the top; equal ones are one. */
  readonly constant: (wanted: string, code: string) => string
  /** A type by its text, or by a name at the top where it is long. */
  readonly type: (wanted: string, type: Type) => string
  /** Something at the top that has a name of its own. */
  readonly add: (text: string) => void
  readonly text: (header: string) => string
}

/**
 * The modules a file may use.
 * @category constants
 * @since 0.1.0
 */
export const modules = {
  Effect: "effect/Effect",
  Schema: "effect/Schema",
  FlowKit: "open-agent-workflows/graph/FlowKit",
  FlowSteps: "open-agent-workflows/graph/FlowSteps",
  FlowPaths: "open-agent-workflows/node/FlowPaths"
} as const

/**
 * An empty file.
 * @category constructors
 * @since 0.1.0
 */
export const make = (): File => {
  const taken = new Set([...reserved, ...Object.keys(modules)])
  const verbs = new Set<string>()
  const used = new Set<keyof typeof modules>()
  const files = new Map<string, string>()
  const constants = new Map<string, string>()
  const parts: Array<string> = []
  const name = (wanted: string): string => {
    const plain = wanted.replaceAll(/[^\w$]+/g, "_").replace(/^(?=\d)|^$/, "_")
    for (let number = 1;; number++) {
      const candidate = number === 1 ? plain : `${plain}_${number}`
      if (taken.has(candidate)) continue
      taken.add(candidate)
      return candidate
    }
  }
  const constant = (wanted: string, code: string): string => {
    const known = constants.get(code)
    if (known !== undefined) return known
    const own = name(wanted)
    constants.set(code, own)
    parts.push(`const ${own} = ${code}`)
    return own
  }
  return {
    name,
    constant,
    verb: (verb) => {
      verbs.add(verb)
      return verb
    },
    module: (module) => {
      used.add(module)
      return module
    },
    workflow: (path) => {
      const own = files.get(path) ?? name(path.replace(/^.*\//, "").replace(/\.\w+$/, ""))
      files.set(path, own)
      return own
    },
    type: (wanted, type) => {
      const text = Types.print(type)
      if (text.length <= longest) return text
      const code = `type ${text}`
      const known = constants.get(code)
      if (known !== undefined) return known
      const own = name(pascal(wanted))
      constants.set(code, own)
      parts.push(`type ${own} = ${Print.type(text)}`.replace(" = \n", " =\n"))
      return own
    },
    add: (text) => void parts.push(text),
    text: (header) => {
      const body = parts.join("\n\n")
      // types are printed by themselves, so what they and constants mention is looked for in what was written
      for (const module of ["Effect", "Schema", "FlowKit", "FlowSteps", "FlowPaths"] as const) {
        if (new RegExp(`(?<!${Print.mark})\\b${module}\\.`).test(body)) used.add(module)
      }
      const imports = [
        ...(Object.keys(modules) as ReadonlyArray<keyof typeof modules>).filter((module) => used.has(module)).map(
          (module): [string, string] => [modules[module], `import * as ${module} from ${Print.quote(modules[module])}`]
        ),
        ["open-agent-workflows", `import { ${[...verbs].toSorted(byName).join(", ")} } from "open-agent-workflows"`],
        ...[...files].map(([path, own]): [string, string] => [path, `import ${own} from ${Print.quote(path)}`])
      ].toSorted(([left = ""], [right = ""]) => byName(order(left), order(right))).map(([, line]) => line)
      return `${header}${imports.join("\n")}\n\n${body}\n`.replaceAll(Print.mark, "")
    }
  }
}

/**
 * A name in capitals, as types and schemas have them.
 * @category converting
 * @since 0.1.0
 */
export const pascal = (text: string): string =>
  text.split(/[^A-Za-z0-9]+/).map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join("") || "Value"

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const longest = 60

const byName = (left: string, right: string): number => left < right ? -1 : left > right ? 1 : 0

/** Files of the user come last. */
const order = (path: string): string => path.startsWith(".") ? `~${path}` : path

const reserved = [
  ..."args current times agent budget log parallel phase pipeline step withFallback workflow Wait Workflow Recovery Run"
    .split(" "),
  ...("abstract arguments as async await boolean break case catch class const constructor continue debugger declare " +
    "default delete do else enum eval export extends false finally for from function get if implements import in " +
    "infer instanceof interface is keyof let module namespace never new null number object of package private " +
    "protected public readonly require return set static string super switch symbol this throw true try type typeof " +
    "undefined unique unknown var void while with yield Array Object String Number Boolean Promise Record Readonly " +
    "ReadonlyArray NaN Infinity globalThis JSON Math Symbol Map Set Error").split(" ")
]
