/**
 * Reads templates.
 *
 * What reaches other files by itself (`extends`, `import`, `block`) is refused with a sentence; `include` names its
 * text literally, so that whoever compiles knows what is needed before anything is rendered.
 */
import type { Binding, Block, Expr, IfCase, Statement } from "./ast.ts"
import * as Expressions from "./expressionParser.ts"
import { raiseSyntax } from "./fault.ts"
import type { Part } from "./lexer.ts"
import * as Lexer from "./lexer.ts"
import type { TokenStream } from "./tokenStream.ts"
import * as Tokens from "./tokenStream.ts"

/**
 * The parts of a template.
 * @category converting
 * @since 0.1.0
 */
export const parse = (source: string): Block => {
  const state: State = { parts: Lexer.parts(source), index: 0, depth: 0 }
  return parseBlock(state, null, []).block
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface State {
  readonly parts: ReadonlyArray<Part>
  index: number
  depth: number
}

interface Ended {
  readonly block: Block
  /** The tag after the block, behind its word. */
  readonly stream: TokenStream
  readonly word: string
  readonly at: number
}

/** Reads up to a tag with one of the words; up to the end of the template for none. */
const parseBlock = (
  state: State,
  opened: { readonly word: string; readonly at: number } | null,
  ends: ReadonlyArray<string>
): Ended => {
  const block: Array<Statement> = []
  if (++state.depth > Tokens.maxDepth) {
    raiseSyntax(opened?.at ?? 0, `it is nested deeper than ${Tokens.maxDepth} levels`)
  }
  for (let part = state.parts[state.index]; part !== undefined; part = state.parts[state.index]) {
    state.index++
    if (part._tag === "text") block.push(part._tag === "text" ? { ...part, _tag: "Text" } : part)
    else {
      const stream = Tokens.make(part.tokens)
      const ended = part._tag === "output" ? undefined : acceptEnd(stream, ends)
      if (ended !== undefined) {
        state.depth--
        return { block, stream, word: ended, at: part.at }
      }
      block.push(part._tag === "output" ? parseOutput(stream, part.at) : parseStatement(state, stream, part.at))
    }
  }
  if (opened !== null) raiseSyntax(opened.at, `'${opened.word}' is not closed with '{% ${ends.at(-1) ?? ""} %}'`)
  state.depth--
  return { block, stream: Tokens.make([]), word: "", at: 0 }
}

const acceptEnd = (stream: TokenStream, ends: ReadonlyArray<string>): string | undefined =>
  ends.find((word) => Tokens.accept(stream, word))

const parseOutput = (stream: TokenStream, at: number): Statement => {
  if (Tokens.peek(stream)._tag === "end") raiseSyntax(at, "there is nothing between the braces")
  const value = Expressions.parseTuple(stream)
  Expressions.expectEnd(stream)
  return { _tag: "Output", at: value.at, value }
}

type Parser = (state: State, stream: TokenStream, at: number) => Statement

const parseStatement = (state: State, stream: TokenStream, at: number): Statement => {
  const token = Tokens.peek(stream)
  const parser = parsers.get(token.text)
  if (token._tag !== "name" || parser === undefined) return raiseSyntax(at, refusal(token.text))
  Tokens.advance(stream)
  return parser(state, stream, at)
}

const refusal = (word: string): string => {
  if (/^(?:end|el)/.test(word)) return `there is nothing that '${word}' belongs to`
  if (/^(?:extends|import|from|block)$/.test(word)) return `'${word}' is not supported: a template reads no other files`
  return word === "" ? "this tag is empty" : `there is no tag '${word}'`
}

const parseIf: Parser = (state, stream, at) => {
  const cases: Array<IfCase> = []
  const opened = { word: "if", at }
  const ends = ["elif", "else", "endif"]
  let test = parseTest(stream)
  for (;;) {
    const { block, stream: tag, word } = parseBlock(state, opened, ends)
    cases.push({ test, body: block })
    if (word === "elif") test = parseTest(tag)
    else {
      Expressions.expectEnd(tag)
      return { _tag: "If", at, cases, else: word === "else" ? parseLast(state, opened, "endif") : [] }
    }
  }
}

const parseTest = (stream: TokenStream): Expr => {
  const test = Expressions.parseTuple(stream)
  Expressions.expectEnd(stream)
  return test
}

const parseLast = (state: State, opened: { readonly word: string; readonly at: number }, end: string): Block => {
  const { block, stream } = parseBlock(state, opened, [end])
  // Jinja lets a block's name stand behind its end
  if (end === "endmacro") Tokens.peek(stream)._tag === "name" && Tokens.advance(stream)
  Expressions.expectEnd(stream)
  return block
}

const parseFor: Parser = (state, stream, at) => {
  const binding = parseBinding(stream)
  Tokens.expect(stream, "in")
  const items = Expressions.parseTuple(stream, Expressions.parseOr)
  const filter = Tokens.accept(stream, "if") ? Expressions.parse(stream) : null
  if (Tokens.isNext(stream, "recursive")) raiseSyntax(Tokens.peek(stream).at, "'recursive' is not supported")
  Expressions.expectEnd(stream)
  const opened = { word: "for", at }
  const { block: body, stream: tag, word } = parseBlock(state, opened, ["else", "endfor"])
  Expressions.expectEnd(tag)
  const otherwise = word === "else" ? parseLast(state, opened, "endfor") : []
  return { _tag: "For", at, binding, items, filter, body, else: otherwise }
}

/** A name, `namespace.field`, or names with commas between them, in brackets or without. */
const parseBinding = (stream: TokenStream): Binding => {
  const first = parseOneBinding(stream)
  if (!Tokens.isNext(stream, ",")) return first
  const names = [first]
  while (Tokens.accept(stream, ",")) {
    if (Tokens.isNext(stream, "in") || Tokens.isNext(stream, "=") || Tokens.isNext(stream, ")")) break
    names.push(parseOneBinding(stream))
  }
  return { _tag: "Names", names }
}

const parseOneBinding = (stream: TokenStream): Binding => {
  if (Tokens.accept(stream, "(")) {
    const binding = Tokens.nested(stream, () => parseBinding(stream))
    Tokens.expect(stream, ")")
    return binding
  }
  const { at } = Tokens.peek(stream)
  const name = Tokens.expectName(stream)
  if (/^(?:true|false|none|null|loop|in|is|not|and|or|if|else)$/i.test(name)) raiseSyntax(at, `'${name}' cannot be set`)
  return Tokens.accept(stream, ".")
    ? { _tag: "Field", name, field: Tokens.expectName(stream) }
    : { _tag: "Name", name }
}

const parseSet: Parser = (state, stream, at) => {
  const binding = parseBinding(stream)
  if (Tokens.accept(stream, "=")) {
    const value = Expressions.parseTuple(stream)
    Expressions.expectEnd(stream)
    return { _tag: "Set", at, binding, value }
  }
  const filter = Tokens.accept(stream, "|") ? Expressions.parseFilters(stream) : null
  Expressions.expectEnd(stream)
  return { _tag: "SetBlock", at, binding, filter, body: parseLast(state, { word: "set", at }, "endset") }
}

const parseWith: Parser = (state, stream, at) => {
  const bindings: Array<readonly [Binding, Expr]> = []
  while (Tokens.peek(stream)._tag !== "end") {
    if (bindings.length > 0) Tokens.expect(stream, ",")
    const binding = parseOneBinding(stream)
    Tokens.expect(stream, "=")
    bindings.push([binding, Expressions.parse(stream)])
  }
  return { _tag: "With", at, bindings, body: parseLast(state, { word: "with", at }, "endwith") }
}

const parseFiltered: Parser = (state, stream, at) => {
  const filter = Expressions.parseFilters(stream)
  Expressions.expectEnd(stream)
  return { _tag: "Filtered", at, filter, body: parseLast(state, { word: "filter", at }, "endfilter") }
}

const parseMacro: Parser = (state, stream, at) => {
  const name = Tokens.expectName(stream)
  const parameters: Array<{ readonly name: string; readonly default: Expr | null }> = []
  Tokens.expect(stream, "(")
  while (!Tokens.accept(stream, ")")) {
    if (parameters.length > 0) Tokens.expect(stream, ",")
    const parameter = Tokens.expectName(stream)
    parameters.push({ name: parameter, default: Tokens.accept(stream, "=") ? Expressions.parse(stream) : null })
  }
  Expressions.expectEnd(stream)
  return { _tag: "Macro", at, name, parameters, body: parseLast(state, { word: "macro", at }, "endmacro") }
}

const parseInclude: Parser = (_, stream, at) => {
  const token = Tokens.advance(stream)
  if (token._tag !== "string") {
    return raiseSyntax(token.at, "a text in quotes is expected here: what is included is known before it is rendered")
  }
  const isOptional = Tokens.accept(stream, "ignore")
  if (isOptional) Tokens.expect(stream, "missing")
  if (Tokens.accept(stream, "with")) Tokens.expect(stream, "context")
  Expressions.expectEnd(stream)
  return { _tag: "Include", at, name: token.text, isOptional }
}

const parsers: ReadonlyMap<string, Parser> = new Map([
  ["if", parseIf],
  ["for", parseFor],
  ["set", parseSet],
  ["with", parseWith],
  ["filter", parseFiltered],
  ["macro", parseMacro],
  ["include", parseInclude]
])
