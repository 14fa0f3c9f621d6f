/**
 * The version of this package, as a constant so that `owf --version` reads no file; a test compares it with the manifest.
 */

/**
 * The version of this package.
 * @category models
 * @since 0.1.0
 */
export const version = "0.1.0"
