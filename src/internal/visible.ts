/**
 * What cannot be seen in a text and changes what can, made visible: control characters move a terminal's cursor, marks of
 * direction turn the order of what follows around.
 */

/**
 * A text with what cannot be seen in it spelled out; line ends and tabs stay.
 * @category converting
 * @since 0.1.0
 */
export const visible = (text: string): string =>
  unseen.test(text)
    ? text.replaceAll(allUnseen, (character) => {
      const code = character.charCodeAt(0)
      return code < 0x20
        ? String.fromCharCode(0x2400 + code)
        : code === 0x7f
        ? "\u2421"
        : code >= 0xd800 && code < 0xe000
        ? "\uFFFD"
        : `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`
    })
    : text

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

// control characters but tab and line feed, marks of direction, separators of lines, and halves of surrogate pairs
const pattern =
  "[\\u0000-\\u0008\\u000B-\\u001F\\u007F-\\u009F\\u061C\\u200B\\u200E\\u200F\\u2028-\\u202E\\u2060-\\u2069\\uFEFF]" +
  "|[\\uD800-\\uDBFF](?![\\uDC00-\\uDFFF])|(?<![\\uD800-\\uDBFF])[\\uDC00-\\uDFFF]"
const unseen = new RegExp(pattern)
const allUnseen = new RegExp(pattern, "g")
