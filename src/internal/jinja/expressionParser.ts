/**
 * Reads expressions with Jinja's grammar and precedences.
 *
 * - P1. Nesting and the length of a chain are bounded, so whoever walks the result has a bounded stack.
 * - P2. From weak to strong: `a if b else c`, `or`, `and`, `not`, comparisons with `in`, `+ -`, `~`, `* / // %`, `**`, signs,
 *   then `.name`, `[…]`, `(…)`, `|filter` and `is test`.
 */
import type { Argument, BinaryOperator, Comparison, Expr, FilterExpr } from "./ast.ts"
import { raiseSyntax } from "./fault.ts"
import type { TokenStream } from "./tokenStream.ts"
import * as Tokens from "./tokenStream.ts"

/**
 * Reads one expression and leaves what follows.
 * @category converting
 * @since 0.1.0
 */
export const parse = (stream: TokenStream): Expr =>
  Tokens.nested(stream, () => {
    let value = parseOr(stream)
    for (let count = 0; Tokens.isNext(stream, "if"); count++) {
      bound(stream, count)
      const { at } = Tokens.advance(stream)
      const test = parseOr(stream)
      const other = Tokens.accept(stream, "else") ? parse(stream) : null
      value = { _tag: "If", at, test, met: value, else: other }
    }
    return value
  })

/**
 * Reads an expression that is not a condition of its own: in `for x in items if test` the test belongs to the loop.
 * @category converting
 * @since 0.1.0
 */
export const parseOr = (stream: TokenStream): Expr => parseLogic(stream, "or", parseAnd)

/**
 * Reads values with commas between them, as a list when there is one.
 * @category converting
 * @since 0.1.0
 */
export const parseTuple = (stream: TokenStream, parseOne = parse): Expr => {
  const first = parseOne(stream)
  if (!Tokens.isNext(stream, ",")) return first
  const items = [first]
  while (Tokens.accept(stream, ",")) {
    if (isClosed(stream)) break
    items.push(parseOne(stream))
  }
  return { _tag: "List", at: first.at, items }
}

/**
 * Reads `name`, `name(…)` and what follows after `|`, applied to a value that is not known here.
 * @category converting
 * @since 0.1.0
 */
export const parseFilters = (stream: TokenStream): Expr => {
  let filter = parseFilter(stream, null)
  for (let count = 0; Tokens.accept(stream, "|"); count++) {
    bound(stream, count)
    filter = parseFilter(stream, filter)
  }
  return filter
}

/**
 * Demands that nothing is left.
 * @category converting
 * @since 0.1.0
 */
export const expectEnd = (stream: TokenStream): void => {
  const token = Tokens.peek(stream)
  if (token._tag === "end") return
  const hint = token.text === "=" ? "; '==' compares" : ""
  raiseSyntax(token.at, `${Tokens.describe(token)} is not expected here${hint}`)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Parser = (stream: TokenStream) => Expr

/** See P1. */
const maxChain = 500
const bound = (stream: TokenStream, count: number) => {
  if (count >= maxChain) raiseSyntax(Tokens.peek(stream).at, `more than ${maxChain} operators follow each other`)
}

const isClosed = (stream: TokenStream) => {
  const { _tag, text } = Tokens.peek(stream)
  return _tag === "end" || _tag === "operator" && (text === ")" || text === "]" || text === "=")
}

const parseLogic = (stream: TokenStream, operator: "and" | "or", parseOperand: Parser): Expr => {
  let left = parseOperand(stream)
  for (let count = 0; Tokens.isNext(stream, operator); count++) {
    bound(stream, count)
    const { at } = Tokens.advance(stream)
    left = { _tag: "Logic", at, operator, left, right: parseOperand(stream) }
  }
  return left
}

const parseAnd: Parser = (stream) => parseLogic(stream, "and", parseNot)

const parseNot: Parser = (stream) => {
  if (!Tokens.isNext(stream, "not")) return parseComparison(stream)
  const { at } = Tokens.advance(stream)
  return { _tag: "Unary", at, operator: "not", operand: Tokens.nested(stream, () => parseNot(stream)) }
}

const comparisons: ReadonlyArray<Comparison> = ["==", "!=", "<=", ">=", "<", ">", "in"]

const parseComparison: Parser = (stream) => {
  const first = parseSum(stream)
  const rest: Array<{ readonly operator: Comparison; readonly operand: Expr }> = []
  let at: number | undefined
  for (;;) {
    const token = Tokens.peek(stream)
    const operator = acceptComparison(stream)
    if (operator === undefined) break
    bound(stream, rest.length)
    at ??= token.at
    rest.push({ operator, operand: parseSum(stream) })
  }
  return at === undefined ? first : { _tag: "Compare", at, first, rest }
}

const acceptComparison = (stream: TokenStream): Comparison | undefined => {
  if (Tokens.isNext(stream, "not") && stream.tokens[stream.index + 1]?.text === "in") {
    stream.index += 2
    return "not in"
  }
  return comparisons.find((operator) => Tokens.accept(stream, operator))
}

const parseBinary = (operators: ReadonlyArray<BinaryOperator>, parseOperand: Parser): Parser => (stream) => {
  let left = parseOperand(stream)
  for (let count = 0;; count++) {
    const { at } = Tokens.peek(stream)
    const operator = operators.find((operator) => Tokens.accept(stream, operator))
    if (operator === undefined) return left
    bound(stream, count)
    left = { _tag: "Binary", at, operator, left, right: parseOperand(stream) }
  }
}

const parseUnary = (stream: TokenStream, takesFilters: boolean): Expr => {
  const token = Tokens.peek(stream)
  if (token._tag === "operator" && (token.text === "-" || token.text === "+")) {
    const operator = token.text
    Tokens.advance(stream)
    const operand = Tokens.nested(stream, () => parseUnary(stream, false))
    const signed: Expr = { _tag: "Unary", at: token.at, operator, operand }
    return takesFilters ? parseSuffixes(stream, signed, true) : signed
  }
  return parseSuffixes(stream, parsePrimary(stream), takesFilters)
}

const parsePower = parseBinary(["**"], (stream) => parseUnary(stream, true))
const parseProduct = parseBinary(["*", "//", "/", "%"], parsePower)
const parseConcatenation = parseBinary(["~"], parseProduct)
const parseSum = parseBinary(["+", "-"], parseConcatenation)

const constants = new Map<string, boolean | null>([
  ["true", true],
  ["True", true],
  ["false", false],
  ["False", false],
  ["none", null],
  ["None", null],
  ["null", null]
])

const reserved = new Set(["and", "or", "not", "in", "is", "if", "else"])

const parsePrimary: Parser = (stream) => {
  const token = Tokens.advance(stream)
  const { at, text } = token
  switch (token._tag) {
    case "number":
      return { _tag: "Constant", at, value: token.value }
    case "string":
      return { _tag: "Constant", at, value: text + followingStrings(stream) }
    case "name": {
      if (reserved.has(text)) return raiseSyntax(at, `a value is expected here, not '${text}'`)
      const constant = constants.get(text)
      return constant === undefined ? { _tag: "Name", at, name: text } : { _tag: "Constant", at, value: constant }
    }
    case "operator":
      return parseBracket(stream, text, at)
    case "end":
      return raiseSyntax(at, "a value is expected here, not the end")
  }
}

/** Texts that follow each other are one, as in Python. */
const followingStrings = (stream: TokenStream): string => {
  const texts: Array<string> = []
  while (Tokens.peek(stream)._tag === "string") texts.push(Tokens.advance(stream).text)
  return texts.join("")
}

const parseBracket = (stream: TokenStream, bracket: string, at: number): Expr => {
  if (bracket === "[") return { _tag: "List", at, items: parseAll(stream, "]", parse) }
  if (bracket === "{") {
    const entries = parseAll(stream, "}", () => {
      const key = parse(stream)
      Tokens.expect(stream, ":")
      return [key, parse(stream)] as const
    })
    return { _tag: "Dict", at, entries }
  }
  if (bracket !== "(") return raiseSyntax(at, `a value is expected here, not '${bracket}'`)
  if (Tokens.accept(stream, ")")) return { _tag: "List", at, items: [] }
  const value = Tokens.nested(stream, () => parseTuple(stream))
  Tokens.expect(stream, ")")
  return value
}

const parseAll = <A>(stream: TokenStream, closer: string, parseOne: (stream: TokenStream) => A): Array<A> => {
  const found: Array<A> = []
  while (!Tokens.accept(stream, closer)) {
    if (found.length > 0) {
      Tokens.expect(stream, ",")
      if (Tokens.accept(stream, closer)) break
    }
    found.push(parseOne(stream))
  }
  return found
}

const parseSuffixes = (stream: TokenStream, primary: Expr, takesFilters: boolean): Expr => {
  let value = primary
  for (let count = 0;; count++) {
    bound(stream, count)
    const suffixed = parseSuffix(stream, value) ?? (takesFilters ? parseFilterOrTest(stream, value) : undefined)
    if (suffixed === undefined) return value
    value = suffixed
  }
}

const parseSuffix = (stream: TokenStream, target: Expr): Expr | undefined => {
  const { at } = Tokens.peek(stream)
  if (Tokens.accept(stream, ".")) return parseAttribute(stream, target)
  if (Tokens.accept(stream, "[")) return parseSubscript(stream, target, at)
  if (Tokens.accept(stream, "(")) return { _tag: "Call", at: target.at, target, args: parseArguments(stream) }
  return undefined
}

const parseAttribute = (stream: TokenStream, target: Expr): Expr => {
  const { at } = target
  const token = Tokens.advance(stream)
  if (token._tag === "name") return { _tag: "Attribute", at, target, name: token.text }
  if (token._tag === "number") return parseIndices(target, token.text, token.at)
  return raiseSyntax(token.at, `a name is expected after '.', not ${Tokens.describe(token)}`)
}

/** `list.0.1`, whose `0.1` looks like one number. */
const parseIndices = (target: Expr, text: string, textAt: number): Expr => {
  const { at } = target
  if (!/^\d+(?:\.\d+)?$/.test(text)) raiseSyntax(textAt, `'${text}' is no index`)
  return text.split(".").reduce<Expr>(
    (value, index) => ({
      _tag: "Item",
      at,
      target: value,
      key: { _tag: "Constant", at: textAt, value: Number(index) }
    }),
    target
  )
}

const parseSubscript = (stream: TokenStream, target: Expr, bracketAt: number): Expr => {
  const { at } = target
  const part = () =>
    Tokens.isNext(stream, ":") || Tokens.isNext(stream, "]") ? null : Tokens.nested(stream, () => parse(stream))
  const first = part()
  if (!Tokens.isNext(stream, ":")) {
    Tokens.expect(stream, "]")
    return first === null
      ? raiseSyntax(bracketAt, "there is nothing between the brackets")
      : { _tag: "Item", at, target, key: first }
  }
  Tokens.expect(stream, ":")
  const stop = part()
  const step = Tokens.accept(stream, ":") ? part() : null
  Tokens.expect(stream, "]")
  return { _tag: "Slice", at, target, start: first, stop, step }
}

const parseArguments = (stream: TokenStream): ReadonlyArray<Argument> =>
  parseAll(stream, ")", () => {
    const token = Tokens.peek(stream)
    const isNamed = token._tag === "name" && stream.tokens[stream.index + 1]?.text === "=" &&
      stream.tokens[stream.index + 1]?._tag === "operator"
    if (!isNamed) return { name: null, value: parse(stream) }
    stream.index += 2
    return { name: token.text, value: parse(stream) }
  })

const parseFilterOrTest = (stream: TokenStream, target: Expr): Expr | undefined => {
  if (Tokens.accept(stream, "|")) return parseFilter(stream, target)
  return Tokens.accept(stream, "is") ? parseTest(stream, target) : undefined
}

const parseFilter = (stream: TokenStream, target: Expr | null): Expr & FilterExpr => {
  const { at } = Tokens.peek(stream)
  const name = Tokens.expectName(stream)
  return { _tag: "Filter", at, target, name, args: Tokens.accept(stream, "(") ? parseArguments(stream) : [] }
}

const parseTest = (stream: TokenStream, target: Expr): Expr => {
  const isNegated = Tokens.accept(stream, "not")
  const { at } = Tokens.peek(stream)
  const name = Tokens.expectName(stream)
  return { _tag: "Test", at, target, name, args: parseTestArguments(stream), isNegated }
}

/** A test takes its arguments in brackets, or one without: `n is divisibleby 3`. */
const parseTestArguments = (stream: TokenStream): ReadonlyArray<Argument> => {
  if (Tokens.accept(stream, "(")) return parseArguments(stream)
  const token = Tokens.peek(stream)
  const isValue = token._tag === "name"
    ? !reserved.has(token.text)
    : token._tag === "string" || token._tag === "number" ||
      token._tag === "operator" && (token.text === "[" || token.text === "{")
  if (!isValue) return []
  let value = parsePrimary(stream)
  for (let suffixed = parseSuffix(stream, value); suffixed !== undefined; suffixed = parseSuffix(stream, value)) {
    value = suffixed
  }
  return [{ name: null, value }]
}
