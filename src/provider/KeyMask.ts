/**
 * Takes a key out of a text that a server sent, in every spelling in which servers echo keys.
 *
 * Covered are the key itself, with escapes of JSON (also of JSON inside JSON), percent-encoded, in hexadecimal, and
 * inside base64 at any offset. A value shorter than eight characters is no secret worth the damage its removal would
 * do to a text.
 */
import * as Encoding from "effect/Encoding"

/**
 * What stands in place of a key.
 * @category models
 * @since 0.1.0
 */
export const mask = "[masked]"

/**
 * A function that masks a key, or leaves texts as they are when there is none.
 * @category constructors
 * @since 0.1.0
 */
export const make = (key: string | undefined): (text: string) => string => {
  if (key === undefined || key.length < shortest) return (text) => text
  const pattern = new RegExp([escapable(key), ...spellings(key).map(escape)].join("|"), "gi")
  return (text) => text.replace(pattern, mask)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const shortest = 8
const encoder = new TextEncoder()

const escape = (text: string) => text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&")

/** Each character as it is, after backslashes, or as a code; backslashes are bounded so that time stays linear. */
const escapable = (key: string): string =>
  [...key].map((char) => `\\\\{0,4}(?:${escape(char)}|u${hexOf(char)})`).join("")

const hexOf = (char: string) => char.charCodeAt(0).toString(16).padStart(4, "0")

const spellings = (key: string): ReadonlyArray<string> => {
  const bytes = encoder.encode(key)
  const all = [
    encodeURIComponent(key),
    Encoding.encodeHex(bytes),
    ...[0, 1, 2].flatMap((offset) => [base64(bytes, offset, "standard"), base64(bytes, offset, "url")])
  ]
  // longest first, so that no spelling leaves the rest of a longer one behind
  return [...new Set(all)].filter((text) => text.length >= shortest).toSorted((a, b) => b.length - a.length)
}

/** The characters of base64 that only the key decides when it stands at this offset, modulo three. */
const base64 = (bytes: Uint8Array, offset: number, alphabet: "standard" | "url"): string => {
  const padded = new Uint8Array(offset + bytes.length)
  padded.set(bytes, offset)
  const text = alphabet === "url" ? Encoding.encodeBase64Url(padded) : Encoding.encodeBase64(padded)
  return text.slice(Math.ceil(offset * 8 / 6), Math.floor((offset + bytes.length) * 8 / 6))
}
