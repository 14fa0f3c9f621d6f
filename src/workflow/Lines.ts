/**
 * Lines in which the requests of an engine wait for room at their providers.
 */
import * as Permits from "../internal/permits.ts"

/**
 * Lines of waiting requests, by the name of their provider.
 * @category models
 * @since 0.1.0
 */
export interface Lines {
  readonly of: (provider: string) => Line
}

/**
 * Requests that wait for room at one provider, the first of them asking.
 * @category models
 * @since 0.1.0
 */
export interface Line {
  waiting: number
  readonly first: Permits.Permits
}

/**
 * Empty lines.
 * @category constructors
 * @since 0.1.0
 */
export const make = (): Lines => {
  const lines = new Map<string, Line>()
  return {
    of: (provider) => {
      const known = lines.get(provider)
      if (known !== undefined) return known
      const line: Line = { waiting: 0, first: Permits.make(1) }
      lines.set(provider, line)
      return line
    }
  }
}
