/**
 * JSON text with indentation. Nothing is parsed: digits are not touched, so that a number too large for JavaScript stays as
 * it is, and a text that was cut is indented as far as it goes.
 */

/**
 * A JSON text, or the beginning of one, with indentation.
 * @category converting
 * @since 0.1.0
 */
export const prettyJson = (json: string): string => {
  const lines: Array<string> = []
  let line = ""
  let depth = 0
  const end = () => {
    lines.push(line)
    line = "  ".repeat(depth)
  }
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*(?:"|$)|[[\]{},:]|[^\s[\]{},:"]+/gs)) {
    if (token === "}" || token === "]") {
      depth = Math.max(0, depth - 1)
      const before = lines.at(-1)
      if (line.trim() === "" && before !== undefined && /[[{]$/.test(before)) {
        // an empty object or array stays on its line
        lines.pop()
        line = before
      } else end()
      line += token
    } else if (token === "{" || token === "[") {
      depth++
      line += token
      end()
    } else if (token === ",") {
      line += token
      end()
    } else line += token === ":" ? ": " : token
  }
  return [...lines, line].join("\n").trimEnd()
}
