/**
 * Tokens one after the other, with what parsers ask of them.
 */
import { raiseSyntax } from "./fault.ts"
import type { Token } from "./lexer.ts"

/**
 * A place in a list of tokens, and how deep the parser is.
 * @category models
 * @since 0.1.0
 */
export interface TokenStream {
  readonly tokens: ReadonlyArray<Token>
  index: number
  depth: number
}

/**
 * Nesting that is read at most.
 * @category models
 * @since 0.1.0
 */
export const maxDepth = 100

/**
 * Starts at the first token.
 * @category constructors
 * @since 0.1.0
 */
export const make = (tokens: ReadonlyArray<Token>): TokenStream => ({ tokens, index: 0, depth: 0 })

const nothing: Token = { _tag: "end", at: 0, text: "" }

/**
 * The token that comes next.
 * @category converting
 * @since 0.1.0
 */
export const peek = (stream: TokenStream): Token => stream.tokens[stream.index] ?? stream.tokens.at(-1) ?? nothing

/**
 * Takes the token that comes next.
 * @category converting
 * @since 0.1.0
 */
export const advance = (stream: TokenStream): Token => {
  const token = peek(stream)
  stream.index++
  return token
}

/**
 * Whether this operator or word comes next.
 * @category predicates
 * @since 0.1.0
 */
export const isNext = (stream: TokenStream, text: string): boolean => {
  const token = peek(stream)
  return token.text === text && (token._tag === "operator" || token._tag === "name")
}

/**
 * Takes this operator or word if it comes next.
 * @category converting
 * @since 0.1.0
 */
export const accept = (stream: TokenStream, text: string): boolean => {
  const isHere = isNext(stream, text)
  if (isHere) stream.index++
  return isHere
}

/**
 * Takes this operator or word, which has to come next.
 * @category converting
 * @since 0.1.0
 */
export const expect = (stream: TokenStream, text: string): void => {
  if (!accept(stream, text)) raiseSyntax(peek(stream).at, `'${text}' is expected here, not ${describe(peek(stream))}`)
}

/**
 * Takes a name, which has to come next.
 * @category converting
 * @since 0.1.0
 */
export const expectName = (stream: TokenStream): string => {
  const token = advance(stream)
  return token._tag === "name" ? token.text : raiseSyntax(token.at, `a name is expected here, not ${describe(token)}`)
}

/**
 * A token in words.
 * @category converting
 * @since 0.1.0
 */
export const describe = (token: Token): string => {
  if (token._tag === "end") return "the end"
  return token._tag === "string" ? `the text ${JSON.stringify(token.text)}` : `'${token.text}'`
}

/**
 * Reads one level deeper.
 * @category combinators
 * @since 0.1.0
 */
export const nested = <A>(stream: TokenStream, read: () => A): A => {
  if (++stream.depth > maxDepth) raiseSyntax(peek(stream).at, `it is nested deeper than ${maxDepth} levels`)
  const result = read()
  stream.depth--
  return result
}
