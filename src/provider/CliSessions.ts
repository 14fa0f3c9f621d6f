/**
 * Ids for new sessions, and the sessions of a program that turned out not to exist.
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type { Request } from "./Provider.ts"

/**
 * The sessions that are gone, as far as this process knows.
 * @category models
 * @since 0.1.0
 */
export interface CliSessions {
  /** The request without its session, when that is gone. */
  readonly known: (request: Request) => Request
  readonly lose: (request: Request) => void
}

/**
 * Nothing is known of any session yet.
 * @category constructors
 * @since 0.1.0
 */
export const make = (): CliSessions => {
  const lost = new Set<string>()
  return {
    known: (request) =>
      request.session !== undefined && lost.has(request.session.id) ? { ...request, session: undefined } : request,
    lose: ({ session }) => {
      if (session === undefined) return
      lost.add(session.id)
      const [oldest] = lost
      if (lost.size > most && oldest !== undefined) lost.delete(oldest)
    }
  }
}

/**
 * A random UUID, as programs want them for sessions.
 * @category constructors
 * @since 0.1.0
 */
export const newId: Effect.Effect<string> = Effect.map(
  Effect.replicateEffect(Random.nextIntBetween(0, 0x10000), 8),
  (parts) => {
    const [a, b, c, d, e, f, g, h] = parts.map((part) => part.toString(16).padStart(4, "0"))
    const version = `4${d?.slice(1)}`
    const variant = ((Number.parseInt(e ?? "0", 16) & 0x3fff) | 0x8000).toString(16)
    return `${a}${b}-${c}-${version}-${variant}-${f}${g}${h}`
  }
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const most = 1_024
