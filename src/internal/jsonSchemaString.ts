/**
 * Texts that a JSON Schema for strings probably accepts, the best first. The caller checks them.
 */
import * as PatternSample from "./patternSample.ts"

/**
 * What is asked of a text.
 * @category models
 * @since 0.1.0
 */
export interface Wanted {
  readonly text: string
  readonly minLength: number
  readonly maxLength: number
  readonly patterns: ReadonlyArray<string>
  readonly formats: ReadonlyArray<string>
  /** Different salts give different texts, where there are any. */
  readonly salt: number
}

/**
 * Texts to try, in order.
 * @category constructors
 * @since 0.1.0
 */
export function* candidates(wanted: Wanted): Generator<string> {
  for (const format of wanted.formats) {
    const sample = formats[format]
    if (sample !== undefined) yield sample(wanted.salt)
  }
  for (const pattern of wanted.patterns) yield* PatternSample.candidates(pattern, wanted.minLength, wanted.salt)
  if (wanted.minLength <= maxLength) yield plain(wanted)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Of a text that nothing bounds. */
const usualLength = 80
/** Of a text that has to be long. */
const maxLength = 10_000

const plain = ({ maxLength, minLength, salt, text }: Wanted): string => {
  const limit = Math.min(maxLength, Math.max(usualLength, minLength))
  const suffix = salt === 0 ? "" : String(salt)
  const base = Array.from(text.trim().slice(0, 2 * limit) || "sample")
  const length = Math.max(minLength - suffix.length, Math.min(base.length, limit - suffix.length), 0)
  return Array.from({ length }, (_, at) => base[at % base.length]).join("") + suffix
}

const two = (salt: number) => String(salt % 28 + 1).padStart(2, "0")
const hex = (salt: number, digits: number) => salt.toString(16).padStart(digits, "0")

const formats: Readonly<Record<string, (salt: number) => string>> = {
  "date": (salt) => `2026-01-${two(salt)}`,
  "time": (salt) => `12:00:${two(salt)}Z`,
  "date-time": (salt) => `2026-01-${two(salt)}T12:00:00Z`,
  "iso-time": (salt) => `12:00:${two(salt)}Z`,
  "iso-date-time": (salt) => `2026-01-${two(salt)}T12:00:00Z`,
  "duration": (salt) => `P${salt + 1}D`,
  "email": (salt) => `user${salt === 0 ? "" : salt}@example.com`,
  "hostname": (salt) => `${salt === 0 ? "" : `host${salt}.`}example.com`,
  "ipv4": (salt) => `192.0.2.${salt % 254 + 1}`,
  "ipv6": (salt) => `2001:db8:0:0:0:0:0:${hex(salt + 1, 1)}`,
  "uri": (salt) => `https://example.com/${salt === 0 ? "" : salt}`,
  "url": (salt) => `https://example.com/${salt === 0 ? "" : salt}`,
  "uri-reference": (salt) => `/sample${salt === 0 ? "" : salt}`,
  "uri-template": (salt) => `https://example.com/${salt === 0 ? "" : salt}`,
  "uuid": (salt) => `00000000-0000-4000-8000-${hex(salt + 1, 12)}`,
  "number": (salt) => String(salt + 1),
  "json-pointer": (salt) => `/${salt}`,
  "json-pointer-uri-fragment": (salt) => `#/${salt}`,
  "relative-json-pointer": (salt) => `${salt}`,
  "regex": (salt) => "a".repeat(salt + 1),
  "byte": (salt) => hex(salt, 8)
}
