/**
 * Where a script threw, for people who look for the line to correct.
 */

/**
 * The first frame of an error that is neither Node's nor ours nor a package's.
 * @category converting
 * @since 0.1.0
 */
export const placeOf = (error: unknown): string | undefined =>
  error instanceof Error
    ? error.stack?.split("\n").find((line) => isFrame.test(line) && !isForeign.test(line) && !isOurs(line))?.trim()
    : undefined

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const isFrame = /^\s*at .*:\d+:\d+\)?$/
const isForeign = /\(?node:|\/node_modules\//

const isOurs = (line: string): boolean => ours.some((directory) => line.includes(directory))

/** What is built, and what source maps call it. */
const ours = ["dist", "src"].map((directory) => decodeURI(new URL(`../../${directory}/`, import.meta.url).pathname))
