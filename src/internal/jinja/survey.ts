/**
 * What a template needs and what it asks for that does not exist, before it is rendered.
 */
import type { Argument, Binding, Block, Expr, Statement } from "./ast.ts"
import * as Calls from "./calls.ts"
import { raiseSyntax } from "./fault.ts"
import { filterNames, isFilter } from "./filters.ts"
import { globals } from "./globals.ts"
import { tests } from "./tests.ts"

/**
 * A name in a text.
 * @category models
 * @since 0.1.0
 */
export interface Mention {
  readonly name: string
  readonly at: number
}

/**
 * What is needed from outside.
 * @category models
 * @since 0.1.0
 */
export interface Survey {
  /** Names that are set nowhere in the text itself, each once; those that a `default` or a test guards are left out. */
  readonly names: ReadonlyArray<Mention>
  readonly includes: ReadonlyArray<Mention>
  readonly calls: Calls.Calls
}

/**
 * Looks through a template; raises a fault for a filter or a test that does not exist.
 * @category converting
 * @since 0.1.0
 */
export const ofBlock = (block: Block): Survey => {
  const found = empty()
  visitBlock(found, block)
  return survey(found)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Found {
  readonly names: Array<Mention>
  readonly includes: Array<Mention>
  readonly calls: Calls.Calls
}

/** Mentions of one kind that are told apart. */
const maxMentions = 1_000

const empty = (): Found => ({ names: [], includes: [], calls: Calls.empty() })

const survey = ({ calls, includes, names: mentioned }: Found): Survey => {
  const free = mentioned.filter(({ name }) => !calls.bound.has(name) && !globals.has(name))
  const first = new Map(free.toReversed().map((mention) => [mention.name, mention]))
  const names = [...first.values()].toSorted((left, right) => left.at - right.at)
  return { names: names.slice(0, maxMentions), includes: includes.slice(0, maxMentions), calls }
}

const visitBlock = (found: Found, block: Block) => {
  for (const statement of block) visitStatement(found, statement)
}

const visitStatement = (found: Found, statement: Statement): void => {
  switch (statement._tag) {
    case "Text":
      return
    case "Output":
      return visit(found, statement.value)
    case "If":
      for (const { body, test } of statement.cases) {
        visit(found, test)
        visitBlock(found, body)
      }
      return visitBlock(found, statement.else)
    case "For":
      bindNames(found, statement.binding)
      visit(found, statement.items)
      if (statement.filter !== null) visit(found, statement.filter)
      visitBlock(found, statement.body)
      return visitBlock(found, statement.else)
    case "Set":
      bindNames(found, statement.binding)
      return visit(found, statement.value)
    case "SetBlock":
      bindNames(found, statement.binding)
      if (statement.filter !== null) visit(found, statement.filter)
      return visitBlock(found, statement.body)
    case "With":
      for (const [binding, value] of statement.bindings) {
        bindNames(found, binding)
        visit(found, value)
      }
      return visitBlock(found, statement.body)
    case "Filtered":
      visit(found, statement.filter)
      return visitBlock(found, statement.body)
    case "Macro":
      found.calls.bound.add(statement.name)
      for (const parameter of statement.parameters) {
        found.calls.bound.add(parameter.name)
        if (parameter.default !== null) visit(found, parameter.default)
      }
      return visitBlock(found, statement.body)
    case "Include":
      if (!statement.isOptional) found.includes.push({ name: statement.name, at: statement.at })
      return
  }
}

const bindNames = (found: Found, binding: Binding): void => {
  if (binding._tag === "Name") found.calls.bound.add(binding.name)
  else if (binding._tag === "Field") found.calls.fields.add(binding.field)
  else for (const inner of binding.names) bindNames(found, inner)
}

const visitArguments = (found: Found, args: ReadonlyArray<Argument>) => {
  for (const { value } of args) visit(found, value)
}

const visit = (found: Found, expr: Expr): void => {
  switch (expr._tag) {
    case "Constant":
      return
    case "Name":
      return void found.names.push({ name: expr.name, at: expr.at })
    case "List":
      return expr.items.forEach((item) => visit(found, item))
    case "Dict":
      Calls.noteFields(found.calls, expr)
      return expr.entries.forEach(([key, value]) => {
        visit(found, key)
        visit(found, value)
      })
    case "Attribute":
      return visit(found, expr.target)
    case "Item":
      visit(found, expr.target)
      return visit(found, expr.key)
    case "Slice":
      for (const part of [expr.target, expr.start, expr.stop, expr.step]) if (part !== null) visit(found, part)
      return
    case "Call":
      Calls.noteCall(found.calls, expr)
      // a function is no name the context has to give
      if (expr.target._tag !== "Name") visit(found, expr.target)
      return visitArguments(found, expr.args)
    case "Filter":
      if (!isFilter(expr.name)) raiseSyntax(expr.at, Calls.unknown("filter", expr.name, filterNames()))
      Calls.noteFilter(found.calls, expr, expr.at)
      if (expr.target !== null && !(isGuard(expr.name) && isPath(expr.target))) visit(found, expr.target)
      return visitArguments(found, expr.args)
    case "Test":
      if (!tests.has(expr.name)) raiseSyntax(expr.at, Calls.unknown("test", expr.name, [...tests.keys()]))
      Calls.noteTest(found.calls, expr)
      if (!(expr.name.endsWith("defined") && isPath(expr.target))) visit(found, expr.target)
      return visitArguments(found, expr.args)
    case "Unary":
      return visit(found, expr.operand)
    case "Binary":
    case "Logic":
      visit(found, expr.left)
      return visit(found, expr.right)
    case "Compare":
      visit(found, expr.first)
      return expr.rest.forEach(({ operand }) => visit(found, operand))
    case "If":
      visit(found, expr.test)
      visit(found, expr.met)
      return expr.else === null ? undefined : visit(found, expr.else)
  }
}

const isGuard = (filter: string) => filter === "default" || filter === "d"

const isPath = (expr: Expr): boolean =>
  expr._tag === "Name" || (expr._tag === "Attribute" || expr._tag === "Item") && isPath(expr.target)
