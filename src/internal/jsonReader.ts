/**
 * Reads one object or array that a model wrote, strictly delimited and leniently spelled.
 *
 * - R1. One pass, constant stack: time is linear in what is read, whatever it is.
 * - R2. What is not closed is `Truncated`. No missing bracket, quote or value is ever supplied.
 * - R3. Only spelling is repaired: comments, trailing commas, single quotes, bare keys, raw control characters, bad
 *   escapes, Python's `True`, `False` and `None`. The repaired text still has to parse as JSON, which the caller checks.
 */
import * as Either from "effect/Either"

/**
 * Where the value ends, and its text with the spelling repaired.
 * @category models
 * @since 0.1.0
 */
export interface Reading {
  readonly end: number
  readonly repaired: string
}

/**
 * Why there is no value here.
 * @category models
 * @since 0.1.0
 */
export type Obstacle = "Truncated" | "TooDeep" | "Malformed"

/**
 * Nesting that is read at most.
 * @category models
 * @since 0.1.0
 */
export const maxDepth = 200

/**
 * Reads the object or array that starts at `start`.
 * @category converting
 * @since 0.1.0
 */
export const read = (
  text: string,
  start: number
): Either.Either<Reading, { readonly obstacle: Obstacle; readonly at: number }> => {
  const closers: Array<string> = []
  const out: Array<string> = []
  const state: State = { text, out, at: start, previous: "" }
  const stop = (obstacle: Obstacle) => Either.left({ obstacle, at: state.at })
  while (state.at < text.length) {
    const char = text[state.at] ?? ""
    if (char === "{" || char === "[") {
      if (closers.length === maxDepth) return stop("TooDeep")
      closers.push(char === "{" ? "}" : "]")
      emit(state, char, 1)
    } else if (char === "}" || char === "]") {
      if (closers.pop() !== char) return stop("Malformed")
      if (state.previous === ",") dropComma(out)
      emit(state, char, 1)
      if (closers.length === 0) return Either.right({ end: state.at, repaired: out.join("") })
    } else if (!readPart(state, char)) return stop("Malformed")
  }
  return stop("Truncated")
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface State {
  readonly text: string
  readonly out: Array<string>
  at: number
  /** The last character that is not white space or comment. */
  previous: string
}

const emit = (state: State, text: string, length: number) => {
  state.out.push(text)
  state.previous = text
  state.at += length
}

/** Commas are pieces of their own, with nothing but white space emitted after them. */
const dropComma = (out: Array<string>) => {
  out[out.lastIndexOf(",")] = ""
}

/** Reads what is neither a bracket nor the end; false when no JSON can have it here. */
const readPart = (state: State, char: string): boolean => {
  switch (char) {
    case " ":
    case "\n":
    case "\r":
    case "\t":
      state.out.push(char)
      state.at++
      return true
    case ",":
    case ":":
      emit(state, char, 1)
      return true
    case "\"":
      return readString(state, (at) => state.text[at] === "\"")
    case "'":
      return readString(state, (at) => state.text[at] === "'" && endsSingleQuoted(state.text, at + 1))
    case "/":
    case "#":
      return readComment(state)
    default:
      return invisible.test(char) ? skip(state) : readWord(state)
  }
}

const invisible = /[\s\u0000\uFEFF]/

const skip = (state: State): boolean => {
  state.at++
  return true
}

/** An apostrophe ends a single-quoted text only before something that can follow a text. */
const endsSingleQuoted = (text: string, after: number): boolean => {
  let at = after
  while (at < text.length && invisible.test(text[at] ?? "")) at++
  return at === text.length || ",:}]/#".includes(text[at] ?? "")
}

const readString = (state: State, isEnd: (at: number) => boolean): boolean => {
  const { text } = state
  const out: Array<string> = ["\""]
  let from = state.at + 1
  let at = from
  for (; at < text.length && !isEnd(at); at++) {
    const [replacement, length] = respell(text, at)
    if (length === 0) continue
    out.push(text.slice(from, at), replacement)
    at += length - 1
    from = at + 1
  }
  if (at >= text.length) {
    state.at = text.length
    return true
  }
  out.push(text.slice(from, at), "\"")
  emit(state, out.join(""), 0)
  state.at = at + 1
  return true
}

const unchanged = ["", 0] as const

/** What JSON wants in place of the characters at `at`, and how many they are. */
const respell = (text: string, at: number): readonly [replacement: string, length: number] => {
  const char = text[at] ?? ""
  if (char === "\"") return ["\\\"", 1]
  if (char < " ") return [JSON.stringify(char).slice(1, -1), 1]
  if (char !== "\\") return unchanged
  const next = text[at + 1] ?? ""
  if (next === "'") return ["'", 2]
  if (next === "\n") return ["\\n", 2]
  if (next === "u") return /^[\da-f]{4}$/i.test(text.slice(at + 2, at + 6)) ? [text.slice(at, at + 6), 6] : ["\\\\", 1]
  if (next !== "" && "\"\\/bfnrt".includes(next)) return [`\\${next}`, 2]
  return ["\\\\", 1]
}

const readComment = (state: State): boolean => {
  const { at, text } = state
  const block = text.startsWith("/*", at)
  if (!block && text[at] === "/" && text[at + 1] !== "/") return false
  const end = block ? text.indexOf("*/", at + 2) : text.indexOf("\n", at)
  state.at = end < 0 ? text.length : end + (block ? 2 : 0)
  return true
}

const wordPattern = /[\w$.+-]+/y
const words: Readonly<Record<string, string>> = { True: "true", False: "false", None: "null" }

const readWord = (state: State): boolean => {
  wordPattern.lastIndex = state.at
  const word = wordPattern.exec(state.text)?.[0]
  if (word === undefined) return false
  const isKey = keyFollows(state.text, state.at + word.length) && (state.previous === "{" || state.previous === ",")
  emit(state, isKey ? JSON.stringify(word) : Object.hasOwn(words, word) ? words[word] ?? word : word, word.length)
  return true
}

const keyFollows = (text: string, after: number): boolean => {
  let at = after
  while (at < text.length && invisible.test(text[at] ?? "")) at++
  return text[at] === ":"
}
