/**
 * Places inside of JSON values, in the notation that people and models read: `$.items[0].name`.
 */

/**
 * Keys and indices from the root of a value.
 * @category models
 * @since 0.1.0
 */
export type Path = ReadonlyArray<PropertyKey>

/**
 * The path as text.
 * @category converting
 * @since 0.1.0
 */
export const format = (path: Path): string =>
  path.reduce<string>((text, key) => {
    if (typeof key === "number") return `${text}[${key}]`
    return identifier.test(String(key)) ? `${text}.${String(key)}` : `${text}[${JSON.stringify(String(key))}]`
  }, "$")

/**
 * The value at a path; undefined when the path leads nowhere.
 * @category converting
 * @since 0.1.0
 */
export const get = (value: unknown, path: Path): unknown => {
  let current = value
  for (const key of path) {
    if (typeof current !== "object" || current === null || !Object.hasOwn(current, key)) return undefined
    current = Reflect.get(current, key)
  }
  return current
}

/**
 * A copy of a JSON value without the fields at the paths.
 * @category combinators
 * @since 0.1.0
 */
export const omit = (value: unknown, paths: ReadonlyArray<Path>): unknown => {
  const copy: unknown = structuredClone(value)
  for (const path of paths) {
    const key = path.at(-1)
    const parent = get(copy, path.slice(0, -1))
    if (key !== undefined && typeof parent === "object" && parent !== null) Reflect.deleteProperty(parent, key)
  }
  return copy
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const identifier = /^[A-Za-z_$][\w$]*$/
