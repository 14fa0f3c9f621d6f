/**
 * Texts that a regular expression was probably meant to match.
 *
 * Look-arounds and word boundaries are passed over and back-references give nothing: the caller tests what it gets.
 * Bounded: patterns and texts that are too long give nothing either.
 */
import * as Either from "effect/Either"

/**
 * Texts for a pattern: the shortest first, then at least `minLength` long, then others.
 * @category constructors
 * @since 0.1.0
 */
export function* candidates(pattern: string, minLength: number, salt: number): Generator<string> {
  const parsed = parse(pattern)
  if (parsed === undefined) return
  for (let choice = salt; choice < salt + maxChoices; choice++) {
    const shortest = write(parsed, choice, 0)
    if (shortest === undefined) return
    const missing = Math.max(0, minLength - Array.from(shortest).length)
    if (missing === 0) yield shortest
    for (const spare of [missing, missing + 1]) {
      const longer = spare === 0 || spare > maxText ? undefined : write(parsed, choice, spare)
      if (longer !== undefined) yield longer
    }
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const maxPattern = 2_000
const maxText = 10_000
const maxNesting = 50
const maxChoices = 8

type Node =
  | { readonly _tag: "Atom"; readonly choices: ReadonlyArray<string> }
  | { readonly _tag: "Sequence"; readonly nodes: ReadonlyArray<Node> }
  | { readonly _tag: "Alternatives"; readonly nodes: ReadonlyArray<Node> }
  | { readonly _tag: "Repeat"; readonly node: Node; readonly min: number; readonly max: number }

const nothing: Node = { _tag: "Sequence", nodes: [] }

/** Letters, digits and punctuation in turn, so that a few characters show some of each. */
const alphabet = [
  ..."aA1-bB2_cC3.dD4 eE5@fF6/gG7:hH8#iI9+jJ0,kK!lL?mM;nN'oO\"pP$qQ%rR&sS(tT)uU*vV<wW=xX>yY[zZ\\]^`{|}~\n\t\u00E9"
]

interface Reader {
  readonly pattern: string
  at: number
  nesting: number
}

const parse = (pattern: string): Node | undefined => {
  if (pattern.length > maxPattern) return undefined
  const reader: Reader = { pattern, at: 0, nesting: 0 }
  const node = readAlternatives(reader)
  return node !== undefined && reader.at === pattern.length ? node : undefined
}

const readAlternatives = (reader: Reader): Node | undefined => {
  const nodes: Array<Node> = []
  do {
    if (nodes.length > 0) reader.at++
    const sequence = readSequence(reader)
    if (sequence === undefined) return undefined
    nodes.push(sequence)
  } while (reader.pattern[reader.at] === "|")
  return nodes.length === 1 ? nodes[0] : { _tag: "Alternatives", nodes }
}

const readSequence = (reader: Reader): Node | undefined => {
  const nodes: Array<Node> = []
  while (reader.at < reader.pattern.length && !"|)".includes(reader.pattern.charAt(reader.at))) {
    const term = readTerm(reader)
    const node = term === undefined ? undefined : readQuantifier(reader, term)
    if (node === undefined) return undefined
    nodes.push(node)
  }
  return { _tag: "Sequence", nodes }
}

const readTerm = (reader: Reader): Node | undefined => {
  if (reader.pattern[reader.at] === "(") return readGroup(reader)
  const source = atomPattern.exec(reader.pattern.slice(reader.at))?.[0]
  if (source === undefined) return undefined
  reader.at += source.length
  if (assertions.has(source)) return nothing
  const test = Either.getOrUndefined(Either.try(() => new RegExp(`^${source}$`, "u")))
  const choices = test === undefined ? [] : [...alphabet, ...source].filter((char) => test.test(char))
  // an escape such as \u00DF or \cJ names a character that no list has; it is that character or nothing
  const named = /^\\u\{?([\da-f]+)\}?$|^\\x([\da-f]{2})$/i.exec(source)
  const code = named?.[1] ?? named?.[2]
  const all = code === undefined ? choices : [String.fromCodePoint(Number.parseInt(code, 16))]
  return all.length === 0 ? undefined : { _tag: "Atom", choices: all }
}

const assertions = new Set(["^", "$", "\\b", "\\B"])
const atomPattern =
  /^(?:\[(?:\\[^]|[^\]\\])*\]|\\[pP]\{[^}]*\}|\\u\{[\da-f]+\}|\\u[\da-f]{4}|\\x[\da-f]{2}|\\[^1-9k]|[^\\])/iu

const readGroup = (reader: Reader): Node | undefined => {
  const opening = /^\((?:\?(?:[:=!]|<[=!]|<\w+>))?/.exec(reader.pattern.slice(reader.at))?.[0] ?? "("
  reader.at += opening.length
  if (++reader.nesting > maxNesting) return undefined
  const node = readAlternatives(reader)
  reader.nesting--
  if (node === undefined || reader.pattern[reader.at] !== ")") return undefined
  reader.at++
  return /[=!]$/.test(opening) ? nothing : node
}

const readQuantifier = (reader: Reader, node: Node): Node => {
  const match = /^(?:[*+?]|\{(\d+)(,)?(\d*)\})\??/.exec(reader.pattern.slice(reader.at))
  if (match === null) return node
  reader.at += match[0].length
  const [source, least, comma, most] = match
  if (least !== undefined) {
    const min = Number(least)
    return { _tag: "Repeat", node, min, max: comma === undefined ? min : most === "" ? Infinity : Number(most) }
  }
  return { _tag: "Repeat", node, min: source.startsWith("+") ? 1 : 0, max: source.startsWith("?") ? 1 : Infinity }
}

/** `spare` repetitions beyond the least go to the first that can take them. */
const write = (node: Node, choice: number, spare: number): string | undefined => {
  const out: Array<string> = []
  const state = { out, choice, spare, steps: 0 }
  return writeNode(node, state) ? out.join("") : undefined
}

interface Writer {
  readonly out: Array<string>
  readonly choice: number
  spare: number
  steps: number
}

const writeNode = (node: Node, state: Writer): boolean => {
  if (++state.steps > maxText) return false
  switch (node._tag) {
    case "Atom":
      state.out.push(node.choices[(state.choice + state.out.length) % node.choices.length] ?? "")
      return true
    case "Sequence":
      return node.nodes.every((inner) => writeNode(inner, state))
    case "Alternatives": {
      const chosen = node.nodes[state.choice % node.nodes.length]
      return chosen !== undefined && writeNode(chosen, state)
    }
    case "Repeat": {
      const more = Math.min(node.max - node.min, state.spare)
      state.spare -= more
      for (let count = 0; count < node.min + more; count++) if (!writeNode(node.node, state)) return false
      return true
    }
  }
}
