/**
 * A report as the commands print it as JSON: the model with the field names of the command line's contract.
 */

/**
 * Plain data with its field names in snake case; what programs and users named keeps its names.
 * @category converting
 * @since 0.1.0
 */
export const encode = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(encode)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [snake(name), named.has(name) ? field : encode(field)])
  )
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Fields whose own fields are named by others. */
const named = new Set(["options", "byStatus", "byCache"])

const snake = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
