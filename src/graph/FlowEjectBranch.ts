/**
 * Branches of a graph as conditions of a program.
 */
import * as Either from "effect/Either"
import * as DotPath from "./DotPath.ts"
import type { BranchNode, Condition } from "./Flow.ts"
import type { File } from "./FlowEjectFile.ts"
import * as Print from "./FlowEjectPrint.ts"
import type { Test, Ways } from "./FlowEjectShape.ts"
import type { Known, Names } from "./FlowEjectText.ts"
import * as Texts from "./FlowEjectText.ts"
import * as Types from "./FlowEjectTypes.ts"

/**
 * Where a branch leads, and what is done before it is decided.
 * @category converting
 * @since 0.1.0
 */
export const waysOf = (
  node: BranchNode,
  names: Names,
  file: File,
  go: (to: string) => Ways
): { readonly before: ReadonlyArray<string>; readonly ways: Ways } => {
  const otherwise: Ways = node.default === null ? nowhere(node) : go(node.default)
  const byPath = [...node.cases.values(), ...node.conditions.map(({ next }) => next)].map((to) =>
    JSON.stringify(go(to))
  )
  const isSame = byPath.every((way) => way === JSON.stringify(otherwise))
  const byValue: Decided = node.path === null || isSame && isSilent({ ...node, path: node.path }, names)
    // a value that leads to the same node whatever it is decides nothing
    ? { before: [], ways: otherwise }
    : onValue({ ...node, path: node.path }, names, file, go, otherwise)
  if (byValue.isWhole === true) return byValue
  const ways = node.when.reduceRight<Ways>(
    (rest, when) => ({ _tag: "If", test: Texts.test(when.if, names), met: go(when.next), else: rest }),
    byValue.ways
  )
  return { before: byValue.before, ways }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type OnPath = BranchNode & { readonly path: string }

interface Decided {
  readonly before: ReadonlyArray<string>
  readonly ways: Ways
  /** Whether `when` is part of it. */
  readonly isWhole?: boolean
}

/** Whether there is nothing to keep of how a value is compared: it is there, and nothing asks for its order. */
const isSilent = ({ conditions, path }: OnPath, names: Names): boolean =>
  conditions.length === 0 && Texts.path(Either.getOrElse(DotPath.parse(path), () => []), names) !== undefined

const nowhere = ({ id }: BranchNode): Ways => ({
  _tag: "Leave",
  body: [{
    _tag: "Exit",
    text: `return yield* ${
      Print.call("FlowSteps.nodeFailed", [
        Print.quote(id),
        Print.quote(`the branch '${id}' leads nowhere: nothing in it is met; a 'default' would`)
      ])
    }`
  }]
})

const onValue = (
  node: OnPath,
  names: Names,
  file: File,
  go: (to: string) => Ways,
  otherwise: Ways
): Decided => {
  const parts = Either.getOrElse(DotPath.parse(node.path), () => [])
  const [root = ""] = parts
  const known = Texts.path(parts, names)
  const kind = known === undefined ? "other" : Types.kindOf(known.type)
  if (known !== undefined && node.conditions.length === 0) {
    if (kind === "boolean") return { before: [], ways: onBoolean(node, known, go, otherwise) }
    if (kind === "string") {
      return { before: [], ways: onText(node, Texts.comparable(known, root, names), go, otherwise) }
    }
  }
  if (known !== undefined && (kind === "integer" || kind === "number") && node.cases.size === 0) {
    const value = Texts.comparable(known, root, names)
    const tests = node.conditions.map((condition) => numeric(value, condition))
    if (tests.every((test) => test !== undefined)) {
      const ways = node.conditions.reduceRight<Ways>(
        (rest, condition, index) => ifs(tests[index], go(condition.next), rest),
        otherwise
      )
      return { before: [], ways }
    }
  }
  return onAny(node, root, names, file, go)
}

const ifs = (test: Test | undefined, met: Ways, otherwise: Ways): Ways =>
  test === undefined ? otherwise : { _tag: "If", test, met, else: otherwise }

const onBoolean = (node: OnPath, known: Known, go: (to: string) => Ways, otherwise: Ways): Ways => {
  const way = (...spellings: ReadonlyArray<string>): Ways => {
    const to = spellings.map((text) => node.cases.get(text)).find((one) => one !== undefined)
    return to === undefined ? otherwise : go(to)
  }
  const test = { holds: known.code, fails: `!${known.code}` }
  return { _tag: "If", test, met: way("true", "True"), else: way("false", "False") }
}

const onText = (node: OnPath, value: string, go: (to: string) => Ways, otherwise: Ways): Ways => {
  const cases = new Map<string, Array<string>>()
  for (const [text, to] of node.cases) cases.set(to, [...cases.get(to) ?? [], Print.quote(text)])
  const [first, ...more] = cases
  const [only = "", ...others] = first?.[1] ?? []
  if (first !== undefined && more.length === 0 && others.length === 0) {
    const test = { holds: `${value} === ${only}`, fails: `${value} !== ${only}` }
    return { _tag: "If", test, met: go(first[0]), else: otherwise }
  }
  return {
    _tag: "Switch",
    on: value.replace(/^\((.*)\)$/, "$1"),
    cases: [...[...cases].map(([to, values]) => ({ values, ways: go(to) })), { values: [], ways: otherwise }]
  }
}

const opposites: Readonly<Record<Condition["op"], string>> = {
  "==": "!==",
  "!=": "===",
  "<": ">=",
  ">": "<=",
  "<=": ">",
  ">=": "<"
}

const operators: Readonly<Record<Condition["op"], string>> = {
  ...opposites,
  "==": "===",
  "!=": "!==",
  "<": "<",
  ">": ">",
  "<=": "<=",
  ">=": ">="
}

/** A comparison of numbers, where what it is compared with is written as one. */
const numeric = (value: string, { op, value: written }: Condition): Test | undefined =>
  /^(?:0|[1-9]\d{0,14})(?:\.\d{1,9})?$/.test(written.trim())
    ? {
      holds: `${value} ${operators[op]} ${Number(written)}`,
      fails: `${value} ${opposites[op]} ${Number(written)}`
    }
    : undefined

/** Any value: decided as graphs decide, which keeps with the run what could not be compared. */
const onAny = (node: OnPath, root: string, names: Names, file: File, go: (to: string) => Ways): Decided => {
  const variable = file.name(`${node.id}_next`)
  const conditions = node.conditions.map(({ next, op, value }) => Print.literal({ op, value, next }))
  const when = node.when.map((one) => Print.literal({ if: one.if.source, next: one.next }))
  const mentions = [root, ...node.when.flatMap((one) => Texts.namesOf(one.if))]
  const options = [
    ...when.length === 0 ? [] : [`when: ${Print.list(when)}`],
    `path: ${Print.quote(node.path)}`,
    ...node.cases.size === 0 ? [] : [`cases: ${Print.literal(Object.fromEntries(node.cases))}`],
    ...conditions.length === 0 ? [] : [`conditions: ${Print.list(conditions)}`],
    ...node.default === null ? [] : [`default: ${Print.quote(node.default)}`]
  ]
  const decided = Print.call("FlowSteps.branch", [Print.quote(node.id), Texts.mentioned(mentions, names)], options)
  const targets = [
    ...node.when.map(({ next }) => next),
    ...node.cases.values(),
    ...node.conditions.map(({ next }) => next)
  ]
  const [last = node.default ?? "", ...others] = [
    ...node.default === null ? [] : [node.default],
    ...new Set(targets.filter((to) => to !== node.default).toReversed())
  ]
  const ways = others.toReversed().reduceRight<Ways>((rest, to) => {
    const quoted = Print.quote(to)
    const test = { holds: `${variable} === ${quoted}`, fails: `${variable} !== ${quoted}` }
    return { _tag: "If", test, met: go(to), else: rest }
  }, go(last))
  const isRead = others.length > 0
  return { before: [`${isRead ? `const ${variable} = ` : ""}yield* ${decided}`], ways, isWhole: true }
}
