/**
 * Limits per minute that all processes of a home share: one row for each thing a provider limits, looked at and changed
 * inside one transaction that nobody else writes in.
 */
import * as Effect from "effect/Effect"
import * as Gcra from "./Gcra.ts"
import type { Room, StoreError } from "./RunStore.ts"
import type { Writing } from "./SqlWriter.ts"

/**
 * Takes room under every limit at once, or under none and gives the milliseconds to wait.
 * @category running
 * @since 0.1.0
 */
export const take = Effect.fnUntraced(function*(connection: Writing, room: Room) {
  const shares = sharesOf(room)
  const buckets = yield* read(connection, room.provider)
  let wait = 0
  for (const { amount, kind, perMinute } of shares) {
    wait = Math.max(wait, Gcra.wait(buckets.get(kind), perMinute, amount, room.at))
  }
  if (wait === 0) yield* write(connection, room, shares, buckets)
  return wait
})

/**
 * Adds to the tokens that were taken, or gives some of them back.
 * @category running
 * @since 0.1.0
 */
export const correct = Effect.fnUntraced(function*(connection: Writing, room: Room) {
  const buckets = yield* read(connection, room.provider)
  yield* write(connection, room, sharesOf(room).filter(({ kind }) => kind === "tokens"), buckets)
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Share {
  readonly kind: "requests" | "tokens"
  readonly perMinute: number
  readonly amount: number
}

const sharesOf = ({ requestsPerMinute, tokens, tokensPerMinute }: Room): ReadonlyArray<Share> => [
  ...(isLimit(requestsPerMinute) ? [{ kind: "requests" as const, perMinute: requestsPerMinute, amount: 1 }] : []),
  ...(isLimit(tokensPerMinute) ? [{ kind: "tokens" as const, perMinute: tokensPerMinute, amount: tokens }] : [])
]

const isLimit = (perMinute: number | undefined): perMinute is number =>
  perMinute !== undefined && perMinute > 0 && Number.isFinite(perMinute)

const read = (
  connection: Writing,
  provider: string
): Effect.Effect<ReadonlyMap<string, Gcra.Bucket>, StoreError> =>
  Effect.map(
    connection.all("SELECT kind, free_at, asked_at FROM rate_limits WHERE provider = ?", [provider]),
    (rows) => new Map(rows.map((row) => [String(row["kind"]), bucketOf(row)]))
  )

const bucketOf = (row: Readonly<Record<string, unknown>>): Gcra.Bucket => ({
  freeAt: Number(row["free_at"]),
  askedAt: Number(row["asked_at"])
})

const write = (
  connection: Writing,
  room: Room,
  shares: ReadonlyArray<Share>,
  buckets: ReadonlyMap<string, Gcra.Bucket>
): Effect.Effect<void, StoreError> =>
  Effect.forEach(shares, ({ amount, kind, perMinute }) => {
    const { askedAt, freeAt } = Gcra.take(buckets.get(kind), perMinute, amount, room.at)
    return connection.run(
      "INSERT OR REPLACE INTO rate_limits (provider, kind, free_at, asked_at) VALUES (?, ?, ?, ?)",
      [room.provider, kind, freeAt, askedAt]
    )
  }, { discard: true })
