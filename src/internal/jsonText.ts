/**
 * Gets the JSON out of a model's answer, wherever the model put it.
 *
 * - T1. The whole text, else the last fenced block, else the first object or array in prose; each as it stands, or with
 *   its spelling repaired (see `jsonReader`).
 * - T2. A truncated answer is an error and never completed: half a list of findings is not a list of findings.
 * - T3. Time is linear and the stack constant for every input; nesting, size and numbers are bounded before use.
 *
 * Whether the value has the right shape is for the caller to decide.
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { Obstacle } from "./jsonReader.ts"
import * as JsonReader from "./jsonReader.ts"

/**
 * A value and how it was found.
 * @category models
 * @since 0.1.0
 */
export interface Extracted {
  readonly value: unknown
  readonly how: "whole" | "fenced" | "embedded" | "repaired"
}

/**
 * Why a text yields no JSON value.
 * @category errors
 * @since 0.1.0
 */
export class JsonTextError extends Schema.TaggedError<JsonTextError>("owf/JsonText/JsonTextError")("JsonTextError", {
  reason: Schema.Literal("Empty", "Absent", "Truncated", "Malformed", "TooDeep", "TooLarge"),
  detail: Schema.String
}) {
  override get message(): string {
    return this.detail
  }
}

/**
 * The JSON value in a model's answer.
 * @category converting
 * @since 0.1.0
 */
export const extract = (text: string): Either.Either<Extracted, JsonTextError> => {
  if (text.length > maxLength) return fail("TooLarge", `the answer has more than ${maxLength} characters`)
  const answer = trim(withoutReasoning(trim(text)))
  if (answer === "") return fail("Empty", "the answer is empty")
  const whole = parseWhole(answer)
  if (whole !== undefined) return whole
  return fromFences(answer) ?? fromProse(answer)
}

/**
 * Every JSON value in a model's answer that is not part of another, the likeliest answer first: fenced before embedded,
 * late before early.
 *
 * **Details**
 *
 * An answer whose last value is cut off is an error whatever stands before it (T2): the values before it are drafts.
 * @category converting
 * @since 0.1.0
 */
export const candidates = (text: string): Either.Either<ReadonlyArray<Extracted>, JsonTextError> => {
  if (text.length > maxLength) return fail("TooLarge", `the answer has more than ${maxLength} characters`)
  const answer = trim(withoutReasoning(trim(text)))
  if (answer === "") return fail("Empty", "the answer is empty")
  const whole = parseWhole(answer)
  if (whole !== undefined) return Either.map(whole, Array.of)
  return Either.flatMap(
    allFromFences(answer),
    (fenced) =>
      Either.match(allFromProse(answer), {
        onLeft: (error) => fenced.length > 0 ? Either.right(fenced) : Either.left(error),
        onRight: (embedded) => Either.right([...fenced, ...embedded])
      })
  )
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Result = Either.Either<Extracted, JsonTextError>

interface Problem {
  readonly obstacle: Obstacle
  readonly at: number
}

const maxLength = 16_777_216
/** Stray brackets of prose that are looked at, and how often, on average, a character is: both bound the time. */
const maxCandidates = 2_000
const maxPasses = 8

const details: Readonly<Record<Obstacle, string>> = {
  Truncated: "the JSON in the answer ends before it is complete",
  TooDeep: `the JSON in the answer is nested deeper than ${JsonReader.maxDepth} levels`,
  Malformed: "the JSON in the answer is malformed"
}

const fail = (reason: JsonTextError["reason"], detail: string): Either.Either<never, JsonTextError> =>
  Either.left(new JsonTextError({ reason, detail }))

const failAt = (text: string, { at, obstacle }: Problem): Either.Either<never, JsonTextError> => {
  const line = text.slice(0, at).split("\n").length
  const near = text.slice(Math.max(0, at - 30), at + 30)
  return fail(obstacle, `${details[obstacle]}: line ${line}, near ${JSON.stringify(near)}`)
}

const invisible = /[\s\u0000\uFEFF]/

const trim = (text: string) => {
  let start = 0
  let end = text.length
  while (start < end && invisible.test(text.charAt(start))) start++
  while (end > start && invisible.test(text.charAt(end - 1))) end--
  return text.slice(start, end)
}

/** Some open models put their reasoning, drafts included, in front of the answer. */
const withoutReasoning = (text: string) => {
  const end = text.startsWith("<think>") ? text.indexOf("</think>") : -1
  return end < 0 ? text : text.slice(end + "</think>".length)
}

const parseJson = Schema.decodeEither(Schema.parseJson())

/** The value of a strict JSON text whose nesting is known to be bounded. */
const parse = (text: string, how: Extracted["how"]): Extracted | undefined => {
  const parsed = parseJson(text)
  return Either.isRight(parsed) && !hasInfinity(parsed.right) ? { value: parsed.right, how } : undefined
}

/** Whether a number was too large to be read, such as `1e400`. */
const hasInfinity = (value: unknown): boolean => {
  if (typeof value === "number") return !Number.isFinite(value)
  return typeof value === "object" && value !== null && Object.values(value).some(hasInfinity)
}

const isBracket = (char: string) => char === "{" || char === "["

const parseWhole = (text: string): Result | undefined => {
  if (isBracket(text.charAt(0)) && isTooDeep(text)) return fail("TooDeep", details.TooDeep)
  const extracted = parse(text, "whole")
  return extracted === undefined ? undefined : Either.right(extracted)
}

/** Whether brackets outside of strings nest too deep; exact for JSON, which is all that is about to be parsed. */
const isTooDeep = (text: string): boolean => {
  let depth = 0
  let inString = false
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at)
    if (inString) {
      if (char === "\\") at++
      else if (char === "\"") inString = false
    } else if (char === "\"") inString = true
    else if (isBracket(char) && ++depth > JsonReader.maxDepth) return true
    else if (char === "}" || char === "]") depth--
  }
  return false
}

interface Candidate {
  readonly end: number
  readonly found: Either.Either<Extracted, Problem>
  /** Whether the brackets were balanced, so that nothing of this candidate is left after `end`. */
  readonly closed: boolean
}

const readAt = (text: string, start: number, how: Extracted["how"]): Candidate =>
  Either.match(JsonReader.read(text, start), {
    onLeft: (problem) => ({ end: problem.at, found: Either.left(problem), closed: false }),
    onRight: ({ end, repaired }) => {
      const extracted = parse(text.slice(start, end), how) ?? parse(repaired, "repaired")
      const malformed: Problem = { obstacle: "Malformed", at: start }
      return { end, found: Either.fromNullable(extracted, () => malformed), closed: true }
    }
  })

/** How a value starts, as opposed to a bracket of prose. */
const jsonStart = /^(?:\{\s*(?:["'}]|[\w$]+\s*:|$)|\[\s*(?:[[{"'\]]|-?\d|true|false|null|[-tfn]?[a-z]{0,3}$))/
const looksLikeJson = (text: string, start: number) => jsonStart.test(text.slice(start, start + 64))

/** The blocks to look into, the likeliest first. */
const likelyBlocks = (text: string): ReadonlyArray<Block> => {
  const blocks = fencedBlocks(text).toReversed()
  const labelled = blocks.filter(({ language }) => language !== "")
  const unlabelled = blocks.filter(({ language }) => language === "")
  return [...labelled, ...unlabelled].slice(0, maxCandidates)
}

const fromFences = (text: string): Result | undefined => {
  for (const block of likelyBlocks(text)) {
    const extracted = parseBlock(trim(block.content))
    if (extracted !== undefined) return extracted
  }
  return undefined
}

/** A malformed block is passed over for another; one that is cut off is the end of the answer. */
const allFromFences = (text: string): Either.Either<ReadonlyArray<Extracted>, JsonTextError> => {
  const found: Array<Extracted> = []
  for (const block of likelyBlocks(text)) {
    const extracted = parseBlock(trim(block.content))
    if (extracted !== undefined && Either.isRight(extracted)) found.push(extracted.right)
    else if (extracted?.left.reason === "Truncated" && found.length === 0) return Either.left(extracted.left)
  }
  return Either.right(found)
}

/** Nothing for a block that is something else than JSON. */
const parseBlock = (content: string): Result | undefined => {
  if (!isBracket(content.charAt(0))) {
    const scalar = parse(content, "fenced")
    return scalar === undefined ? undefined : Either.right(scalar)
  }
  const { found } = readAt(content, 0, "fenced")
  if (Either.isRight(found)) return Either.right(found.right)
  return looksLikeJson(content, 0) ? failAt(content, found.left) : undefined
}

interface Block {
  readonly language: string
  readonly content: string
}

const fence = /^[ \t]*`{3,}[ \t]*([\w+-]*)/
const jsonLanguage = /^(?:json[c5]?)?$/i

/** The blocks that may hold JSON, in order; the last one may lack its closing fence. */
const fencedBlocks = (text: string): Array<Block> => {
  const blocks: Array<Block> = []
  let open: { readonly language: string; readonly lines: Array<string> } | undefined
  const close = () => {
    if (open !== undefined && jsonLanguage.test(open.language)) {
      blocks.push({ language: open.language, content: open.lines.join("\n") })
    }
    open = undefined
  }
  for (const line of text.split("\n")) {
    const opening = open === undefined ? fence.exec(line) : null
    if (opening !== null) open = { language: opening[1] ?? "", lines: [] }
    if (open === undefined) continue
    const content = opening === null ? line : line.slice(opening[0].length)
    const closes = content.trimEnd().endsWith("```")
    // what follows the language on an opening line is a title, unless it is the content already
    if (opening === null || isBracket(content.trimStart().charAt(0))) {
      open.lines.push(closes ? withoutBackticks(content.trimEnd()) : content)
    }
    if (closes) close()
  }
  close()
  return blocks
}

const withoutBackticks = (line: string) => {
  let end = line.length
  while (line[end - 1] === "`") end--
  return line.slice(0, end)
}

const fromProse = (text: string): Result => {
  let trivial: Extracted | undefined
  let problem: Problem | undefined
  let budget = text.length * maxPasses
  let start = nextBracket(text, 0)
  for (let count = 0; start >= 0 && budget > 0 && count < maxCandidates; count++) {
    const { closed, end, found } = readAt(text, start, "embedded")
    const isJson = Either.isRight(found) || looksLikeJson(text, start)
    if (Either.isRight(found)) {
      if (!isTrivial(found.right.value)) return Either.right(found.right)
      trivial ??= found.right
    } else if (isJson) {
      // an unclosed value is never searched for smaller ones: they would be fragments of an answer
      if (!closed) return failAt(text, found.left)
      problem ??= found.left
    }
    budget -= end - start
    start = nextBracket(text, isJson ? end : start + 1)
  }
  if (trivial !== undefined) return Either.right(trivial)
  return problem === undefined ? fail("Absent", "the answer contains no JSON value") : failAt(text, problem)
}

const allFromProse = (text: string): Either.Either<ReadonlyArray<Extracted>, JsonTextError> => {
  const found: Array<Extracted> = []
  let problem: Problem | undefined
  let budget = text.length * maxPasses
  let start = nextBracket(text, 0)
  for (let count = 0; start >= 0 && budget > 0 && count < maxCandidates; count++) {
    const candidate = readAt(text, start, "embedded")
    const isJson = Either.isRight(candidate.found) || looksLikeJson(text, start)
    if (Either.isRight(candidate.found)) found.push(candidate.found.right)
    else if (isJson) {
      if (candidate.found.left.obstacle === "Truncated") return failAt(text, candidate.found.left)
      problem ??= candidate.found.left
    }
    budget -= candidate.end - start
    start = nextBracket(text, isJson ? Math.max(candidate.end, start + 1) : start + 1)
  }
  if (found.length > 0) return Either.right(found.toReversed())
  return problem === undefined ? fail("Absent", "the answer contains no JSON value") : failAt(text, problem)
}

const bracket = /[[{]/g
const nextBracket = (text: string, from: number): number => {
  bracket.lastIndex = from
  return bracket.exec(text)?.index ?? -1
}

/** `{}`, `[]` and `[1]` in prose are placeholders and citations, unless there is nothing else. */
const isTrivial = (value: unknown): boolean =>
  Array.isArray(value)
    ? value.every((item) => typeof item === "number")
    : typeof value === "object" && value !== null && Object.keys(value).length === 0
