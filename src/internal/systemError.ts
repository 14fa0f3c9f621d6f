/**
 * What an error of the operating system says about itself.
 */

/**
 * Whether an error is one of the system, with a code.
 * @category predicates
 * @since 0.1.0
 */
export const is = (error: unknown): error is Error & { readonly code: string } =>
  error instanceof Error && "code" in error && typeof error.code === "string"

/**
 * The code of an error of the system, such as `ENOENT`; undefined for any other error.
 * @category converting
 * @since 0.1.0
 */
export const codeOf = (error: unknown): string | undefined => is(error) ? error.code : undefined

/**
 * Whether an error says that there is nothing at the path.
 * @category predicates
 * @since 0.1.0
 */
export const isAbsent = (error: unknown): boolean => {
  const code = codeOf(error)
  return code === "ENOENT" || code === "ENOTDIR"
}
