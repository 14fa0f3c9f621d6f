/**
 * Reads YAML 1.2 that people wrote, and knows the line and column of everything in it.
 *
 * - Y1. Size, nesting and number of words are bounded before anything recursive sees the text: the nesting is that of the
 *   parser's own stack, so the two cannot disagree about it.
 * - Y2. What aliases and merge keys stand for is put in their place, up to a bound; an alias cannot hold itself.
 * - Y3. Maps are lists of entries, so that no name is special; keys are text, as they are written. A key given twice and
 *   `__proto__` are problems.
 * - Y4. No tag makes anything but the values of JSON. What JSON cannot hold (`.nan`, `.inf`, whole numbers that lose
 *   digits) is a problem.
 */
import * as Either from "effect/Either"
import * as Yaml from "yaml"
import type { Json, Position } from "./Flow.ts"
import type { Problem } from "./FlowError.ts"
import * as FlowError from "./FlowError.ts"
import * as FlowText from "./FlowText.ts"

/**
 * A value and where it begins.
 * @category models
 * @since 0.1.0
 */
export type Value = MapValue | ListValue | ScalarValue

/**
 * Entries by name, in the order they are written.
 * @category models
 * @since 0.1.0
 */
export interface MapValue {
  readonly _tag: "Map"
  readonly at: Position
  readonly entries: ReadonlyArray<Entry>
}

/**
 * An entry of a map and where its key begins.
 * @category models
 * @since 0.1.0
 */
export interface Entry {
  readonly key: string
  readonly at: Position
  readonly value: Value
}

/**
 * Values in a row.
 * @category models
 * @since 0.1.0
 */
export interface ListValue {
  readonly _tag: "List"
  readonly at: Position
  readonly items: ReadonlyArray<Value>
}

/**
 * A value without parts.
 * @category models
 * @since 0.1.0
 */
export interface ScalarValue {
  readonly _tag: "Scalar"
  readonly at: Position
  readonly value: null | boolean | number | string
  /** As it is written where it stands without quotes; the text otherwise. */
  readonly text: string
  /** Without quotes, so that its kind follows from what is written. */
  readonly isPlain: boolean
  /** Where the text itself begins: after the quote, or on the line after `|`. */
  readonly textAt: Position
}

/**
 * What is read from a file: the value, and what is wrong with it.
 * @category models
 * @since 0.1.0
 */
export interface Source {
  /** Null where nothing can be made of the file. */
  readonly value: Value | null
  readonly problems: ReadonlyArray<Problem>
}

/**
 * Most bytes of a file.
 * @category constants
 * @since 0.1.0
 */
export const maxBytes = 1_048_576

/**
 * Most levels of nesting.
 * @category constants
 * @since 0.1.0
 */
export const maxDepth = 100

/**
 * Reads a file.
 * @category converting
 * @since 0.1.0
 */
export const parse = (file: string, bytes: Uint8Array): Source => {
  const decoded = FlowText.decode(file, bytes, maxBytes)
  if (Either.isLeft(decoded)) return { value: null, problems: [decoded.left] }
  const text = decoded.right
  const places = placesOf(file, text)
  const tokens = scan(text)
  if (Either.isLeft(tokens)) {
    return { value: null, problems: [FlowError.error(places(tokens.left.offset), tokens.left.detail)] }
  }
  return compose(text, tokens.right, places)
}

/**
 * The value as JSON.
 * @category converting
 * @since 0.1.0
 */
export const toJson = (value: Value): Json => {
  switch (value._tag) {
    case "Map":
      return Object.fromEntries(value.entries.map((entry) => [entry.key, toJson(entry.value)]))
    case "List":
      return value.items.map(toJson)
    case "Scalar":
      return value.value
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Places = (offset: number) => Position

interface Reading {
  readonly text: string
  readonly places: Places
  readonly anchors: Map<string, Yaml.Node>
  /** What aliases stand for, which is read once however often it is meant (Y2). */
  readonly known: Map<Yaml.Node, Known>
  readonly problems: Array<Problem>
  readonly open: Set<Yaml.Node>
  left: number
  /** The deepest level that was come to. */
  deepest: number
}

interface Known {
  readonly value: Value | null
  /** How many values it is made of, with what its own aliases stand for. */
  readonly size: number
  /** How many levels there are in it. */
  readonly depth: number
}

/** Most words and signs of a file; a file of the size that is allowed can have a million of them. */
const maxTokens = 100_000
/** Most values of a file once aliases are put in. */
const maxValues = 50_000

const placesOf = (file: string, text: string): Places => {
  const counter = new Yaml.LineCounter()
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) counter.addNewLine(at + 1)
  counter.lineStarts.unshift(0)
  return (offset) => {
    const { col, line } = counter.linePos(Math.min(offset, text.length))
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) }
  }
}

/** The parser works with a stack of its own and cannot overflow ours; what composes its tokens is recursive. */
const scan = (
  text: string
): Either.Either<ReadonlyArray<Yaml.CST.Token>, { readonly offset: number; readonly detail: string }> => {
  const parser = new Yaml.Parser()
  const tokens: Array<Yaml.CST.Token> = []
  let count = 0
  for (const lexeme of new Yaml.Lexer().lex(text)) {
    const { offset } = parser
    for (const token of parser.next(lexeme)) tokens.push(token)
    // the document and the value itself are no levels
    if (parser.stack.length > maxDepth + 2) {
      return Either.left({ offset, detail: `it is nested more than ${maxDepth} levels deep` })
    }
    if (++count > maxTokens) {
      return Either.left({ offset, detail: `it is too long: more than ${maxTokens} words and signs` })
    }
  }
  for (const token of parser.end()) tokens.push(token)
  return Either.right(tokens)
}

const compose = (text: string, tokens: ReadonlyArray<Yaml.CST.Token>, places: Places): Source => {
  // keys are compared below: the library compares each with every other
  const composer = new Yaml.Composer({ version: "1.2", uniqueKeys: false, strict: true, prettyErrors: false })
  const documents = [...composer.compose(tokens, true, text.length)]
  const [document, second] = documents
  const problems = documents.slice(0, 1).flatMap(({ errors }) => errors.map((error) => explain(error, places)))
  if (second !== undefined) {
    problems.push(FlowError.error(
      places(second.range[0]),
      "there is a second document in the file",
      "Remove the line '---', or put it in a file of its own."
    ))
  }
  const contents = document?.contents ?? null
  if (document?.directives.yaml.explicit === true && document.directives.yaml.version !== "1.2") {
    const { version } = document.directives.yaml
    problems.push(
      FlowError.error(places(0), `it says that it is YAML ${version}`, "Remove the line '%YAML': it is 1.2.")
    )
  }
  if (problems.some(FlowError.isError) || !Yaml.isNode(contents)) return { value: null, problems }
  const reading: Reading = {
    text,
    places,
    anchors: new Map(),
    known: new Map(),
    problems,
    open: new Set(),
    left: maxValues,
    deepest: 0
  }
  const value = read(reading, contents)
  return { value, problems }
}

const explain = ({ code, message, pos }: Yaml.YAMLError, places: Places): Problem =>
  code === "TAB_AS_INDENT"
    ? FlowError.error(places(pos[0]), "a tab is used to indent", "Indent with spaces.")
    : FlowError.error(places(pos[0]), `it is not YAML: ${lowerFirst(message.replace(/\.$/, ""))}`)

const lowerFirst = (text: string) => text.slice(0, 1).toLowerCase() + text.slice(1)

const placeOf = ({ places }: Reading, node: Yaml.Node): Position => places(node.range?.[0] ?? 0)

const report = (reading: Reading, node: Yaml.Node, detail: string, suggestion: string | null = null): null => {
  reading.problems.push(FlowError.error(placeOf(reading, node), detail, suggestion))
  return null
}

/** Null where the problem is reported. */
const read = (reading: Reading, node: Yaml.Node): Value | null => {
  if (reading.left === 0) return null
  if (--reading.left === 0) return tooMany(reading, node)
  if (Yaml.isAlias(node)) return readAlias(reading, node)
  if (reading.open.size > maxDepth) return tooDeep(reading, node)
  reading.deepest = Math.max(reading.deepest, reading.open.size)
  return node.anchor === undefined ? readNode(reading, node) : readAnchored(reading, node, node.anchor)
}

const aliases = "Aliases are counted as what they stand for."

const tooMany = (reading: Reading, node: Yaml.Node): null =>
  report(reading, node, `it has more than ${maxValues} values`, aliases)

const tooDeep = (reading: Reading, node: Yaml.Node): null =>
  report(reading, node, `it is nested more than ${maxDepth} levels deep`, aliases)

const readNode = (reading: Reading, node: Yaml.Node): Value | null => {
  const { tag } = node
  if (tag !== undefined && !tags.has(tag)) {
    const advice = tag.startsWith("!=") ? "Write \"!=\" in quotes." : "Only the values of JSON can be written."
    return report(reading, node, `the tag ${tag} is not known`, advice)
  }
  reading.open.add(node)
  const value = Yaml.isMap(node)
    ? readMap(reading, node)
    : Yaml.isSeq(node)
    ? readList(reading, node)
    : Yaml.isScalar(node)
    ? readScalar(reading, node)
    : null
  reading.open.delete(node)
  return value
}

const tags = new Set(["bool", "float", "int", "map", "null", "seq", "str"].map((name) => `tag:yaml.org,2002:${name}`))

const readAnchored = (reading: Reading, node: Yaml.Node, anchor: string): Value | null => {
  const { deepest, left, open } = reading
  reading.anchors.set(anchor, node)
  reading.deepest = open.size
  const value = readNode(reading, node)
  reading.known.set(node, { value, size: left - reading.left, depth: reading.deepest - open.size })
  reading.deepest = Math.max(reading.deepest, deepest)
  return value
}

const readAlias = (reading: Reading, alias: Yaml.Alias): Value | null => {
  const target = reading.anchors.get(alias.source)
  if (target === undefined) return report(reading, alias, `the alias *${alias.source} has no anchor before it`)
  const known = reading.known.get(target)
  if (known === undefined || reading.open.has(target)) {
    return report(reading, alias, `the alias *${alias.source} holds itself`)
  }
  const depth = reading.open.size + known.depth
  if (depth > maxDepth) return tooDeep(reading, alias)
  reading.deepest = Math.max(reading.deepest, depth)
  reading.left = Math.max(0, reading.left - known.size)
  return reading.left === 0 ? tooMany(reading, alias) : known.value
}

const readList = (reading: Reading, list: Yaml.YAMLSeq): ListValue => ({
  _tag: "List",
  at: placeOf(reading, list),
  items: list.items.flatMap((item) => {
    const value = Yaml.isNode(item) ? read(reading, item) : null
    return value === null ? [] : [value]
  })
})

const readMap = (reading: Reading, map: Yaml.YAMLMap): MapValue => {
  const own = new Map<string, Entry>()
  const merged = new Map<string, Entry>()
  for (const pair of map.items) {
    const key = Yaml.isNode(pair.key) ? readKey(reading, pair.key) : null
    if (key === null) continue
    const value = Yaml.isNode(pair.value) ? read(reading, pair.value) : missing(key.at)
    if (value === null) continue
    const earlier = own.get(key.text)
    if (key.text === "<<" && key.isPlain) merge(reading, value, merged)
    else if (earlier === undefined) own.set(key.text, { key: key.text, at: key.at, value })
    else {
      reading.problems.push(FlowError.error(key.at, `'${key.text}' is given twice; first in line ${earlier.at.line}`))
    }
  }
  return { _tag: "Map", at: placeOf(reading, map), entries: [...new Map([...merged, ...own]).values()] }
}

/** What stands first is kept, as YAML 1.1 has it. */
const merge = (reading: Reading, value: Value, into: Map<string, Entry>): void => {
  if (value._tag === "List" && value.items.every(({ _tag }) => _tag === "Map")) {
    for (const item of value.items) merge(reading, item, into)
  } else if (value._tag === "Map") {
    for (const entry of value.entries) if (!into.has(entry.key)) into.set(entry.key, entry)
  } else {
    reading.problems.push(FlowError.error(value.at, "'<<' takes a map, or a list of maps"))
  }
}

const readKey = (reading: Reading, node: Yaml.Node): ScalarValue | null => {
  const value = read(reading, node)
  if (value === null) return null
  if (value._tag !== "Scalar") return report(reading, node, "a key has to be a text")
  if (value.isPlain && value.value === null && value.text !== "null") return report(reading, node, "a key is missing")
  if (value.text === "__proto__") return report(reading, node, "'__proto__' cannot be a name", "Choose another one.")
  return value
}

const missing = (at: Position): ScalarValue => ({
  _tag: "Scalar",
  at,
  value: null,
  text: "",
  isPlain: true,
  textAt: at
})

const readScalar = (reading: Reading, node: Yaml.Scalar): ScalarValue | null => {
  const at = placeOf(reading, node)
  const isPlain = node.type === undefined || node.type === "PLAIN"
  const { value } = node
  if (typeof value === "string") {
    const asText = { _tag: "Scalar", at, value, text: value, isPlain } as const
    return { ...asText, textAt: isPlain ? at : textPlace(reading, node, at) }
  }
  if (typeof value !== "boolean" && typeof value !== "number" && value !== null) {
    return report(reading, node, "it is no value of JSON")
  }
  const text = node.source ?? ""
  if (typeof value === "number" && !isExact(value, text)) {
    return report(
      reading,
      node,
      Number.isFinite(value) ? `${text} has more digits than are kept` : `${text} is no number of JSON`,
      `Put it in quotes if it is meant as text: "${text}".`
    )
  }
  return { _tag: "Scalar", at, value, text, isPlain, textAt: at }
}

const isExact = (value: number, text: string): boolean =>
  Number.isFinite(value) && (!/^[-+]?(?:\d+|0[xo][\da-f]+)$/i.test(text) || Number.isSafeInteger(value))

/** A text in quotes begins after the quote, a block on the line after its sign, where its lines are indented. */
const textPlace = ({ places, text }: Reading, node: Yaml.Scalar, at: Position): Position => {
  const start = node.range?.[0] ?? 0
  if (node.type !== "BLOCK_LITERAL" && node.type !== "BLOCK_FOLDED") return { ...at, column: at.column + 1 }
  const line = text.indexOf("\n", start) + 1
  const first = line + (/^[ \n]*/.exec(text.slice(line, node.range?.[1] ?? line))?.[0].length ?? 0)
  return { ...places(line), column: places(first).column }
}
