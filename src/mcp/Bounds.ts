/**
 * Results that fit: no text and no list of a tool is longer than an agent can use, and what was cut says so.
 *
 * - B1. A value keeps its shape: texts are shortened, lists and objects inside of it ended early. The fields it has itself
 *   stay, whatever is in them.
 * - B2. What nobody sees in a text, such as the codes that steer a terminal, is made visible.
 */
import * as Predicate from "effect/Predicate"
import { visible } from "../internal/visible.ts"

/**
 * A value that fits, and whether something of it is missing.
 * @category models
 * @since 0.1.0
 */
export interface Bounded {
  readonly value: Readonly<Record<string, unknown>>
  readonly isCut: boolean
}

/**
 * Characters of a result as JSON, at the most.
 * @category models
 * @since 0.1.0
 */
export const mostCharacters = 400_000

/**
 * Makes a result fit.
 * @category converting
 * @since 0.1.0
 */
export const fit = (value: Readonly<Record<string, unknown>>): Bounded => {
  for (const [longest, most] of steps) {
    const cutter = new Cutter(longest, most)
    const cut = cutter.record(value, 0)
    if (!cutter.isTooMuch && JSON.stringify(cut).length <= mostCharacters) return { value: cut, isCut: cutter.isCut }
  }
  return { value: hollow(value), isCut: true }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Longest text and most items of a list or an object, each tried when the one before was too much. */
const steps = [[300_000, 10_000], [20_000, 1_000], [2_000, 200], [300, 50], [100, 10]] as const

const deepest = 200
const longestKey = 1_000

/** An object inside of a value has so many fields at least. */
const fewestFields = 50

/** What is left of a value that is too much in every way: the fields it has, and those of its objects, with what is short. */
const hollow = (value: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> => {
  const cutter = new Cutter(100, 0)
  const of = (part: unknown, depth: number): unknown =>
    Predicate.isRecord(part) && !Array.isArray(part) && depth < 2
      ? Object.fromEntries(
        Object.entries(part).slice(0, fewestFields).map(([key, inner]) => [key.slice(0, 100), of(inner, depth + 1)])
      )
      : typeof part === "object" && part !== null && !Array.isArray(part)
      ? {}
      : cutter.any(part, 0)
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key.slice(0, 100), of(part, 0)]))
}

class Cutter {
  isCut = false
  /** Characters up to now, or less; past the bound nothing more is looked at. */
  private characters = 0
  private readonly longest: number
  private readonly most: number

  constructor(longest: number, most: number) {
    this.longest = longest
    this.most = most
  }

  get isTooMuch(): boolean {
    return this.characters > mostCharacters
  }

  record(value: Readonly<Record<string, unknown>>, depth: number): Readonly<Record<string, unknown>> {
    const all = Object.entries(value)
    const most = depth === 0 ? all.length : Math.max(this.most, fewestFields)
    if (all.length > most) this.isCut = true
    const kept: Array<readonly [string, unknown]> = []
    for (const [key, part] of all.slice(0, most)) {
      if (this.isTooMuch) break
      kept.push([this.key(key), this.any(part, depth + 1)])
    }
    return Object.fromEntries(kept)
  }

  private key(key: string): string {
    if (key.length > longestKey) this.isCut = true
    return this.counted(visible(key.slice(0, longestKey)))
  }

  any(value: unknown, depth: number): unknown {
    if (typeof value === "string") return this.text(value)
    this.characters++
    if (typeof value !== "object" || value === null) return value
    if (depth > deepest) {
      this.isCut = true
      return null
    }
    if (Array.isArray(value)) {
      if (value.length > this.most) this.isCut = true
      const kept: Array<unknown> = []
      for (const part of value.slice(0, this.most) as ReadonlyArray<unknown>) {
        if (this.isTooMuch) break
        kept.push(this.any(part, depth + 1))
      }
      return kept
    }
    return Predicate.isRecord(value) ? this.record(value, depth) : null
  }

  private text(value: string): string {
    if (value.length <= this.longest) return this.counted(visible(value))
    this.isCut = true
    const kept = value.slice(0, this.longest).replace(/[\uD800-\uDBFF]$/, "")
    return this.counted(`${visible(kept)}… [${value.length - kept.length} more characters]`)
  }

  private counted(text: string): string {
    this.characters += text.length
    return text
  }
}
