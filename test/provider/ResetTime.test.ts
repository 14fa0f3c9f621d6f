import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "fast-check"
import * as ResetTime from "../../src/provider/ResetTime.ts"

const now = Date.parse("2026-11-20T22:08:12Z")
const second = 1_000
const minute = 60 * second
const hour = 60 * minute

const cases: Readonly<Record<string, number | undefined>> = {
  "You've hit your limit · resets 11:08pm (UTC)": hour - 12 * second,
  "You've hit your limit · resets 11pm": 51 * minute + 48 * second,
  // the next one is tomorrow's
  "resets 10:08pm (UTC)": 24 * hour - 12 * second,
  // 8 in the evening in Tokyo is 11 in the morning in UTC
  "You've hit your session limit · resets 8pm (Asia/Tokyo)": 12 * hour + 51 * minute + 48 * second,
  "resets 12am (UTC)": hour + 51 * minute + 48 * second,
  "resets 12:30pm (America/New_York)": 19 * hour + 21 * minute + 48 * second,
  "resets Nov 24, 8:30am (UTC)": 3 * 24 * hour + 10 * hour + 21 * minute + 48 * second,
  "try again at Nov 21st, 2026 3:14 AM": 5 * hour + 5 * minute + 48 * second,
  "Please try again at 11:30 PM.": hour + 21 * minute + 48 * second,
  "try again in 3 hours 5 minutes": 3 * hour + 5 * minute,
  "Try again in 2 days, 1 hour and 30 seconds.": 49 * hour + 30 * second,
  "Please try again in 1.5s": 1_500,
  "resets in 20m": 20 * minute,
  "retry after 30 seconds": 30 * second,
  "limit reached|1795216092": 1_795_216_092_000 - now,
  "resets at 2026-11-21T00:08:12Z": 2 * hour,
  "resets at 2020-01-01T00:00:00Z": undefined,
  "You've hit your limit": undefined,
  "resets soon": undefined,
  "resets 25:00": undefined,
  "resets 8": undefined,
  "resets 8pm (No/Where)": undefined,
  "try again in 90 days": undefined,
  "": undefined
}

describe("ResetTime", () => {
  for (const [text, wait] of Object.entries(cases)) {
    it(`reads ${JSON.stringify(text)} as ${wait === undefined ? "nothing" : `${wait} ms`}`, () => {
      assert.strictEqual(ResetTime.waitOf(text, now), wait)
    })
  }

  it("gives a whole number of milliseconds of forty days at most, or nothing, whatever the text", () => {
    const part = FastCheck.constantFrom(
      " resets ",
      " again in ",
      " at ",
      "8pm",
      "3",
      " hours",
      "Nov 31, ",
      "(",
      "UTC",
      ")",
      ":",
      "d"
    )
    FastCheck.assert(
      FastCheck.property(FastCheck.array(FastCheck.oneof(part, FastCheck.string()), { maxLength: 12 }), (parts) => {
        const wait = ResetTime.waitOf(parts.join(""), now)
        if (wait !== undefined) assert.isTrue(Number.isSafeInteger(wait) && wait >= 0 && wait <= 40 * 24 * hour)
      }),
      { numRuns: 1_000 }
    )
  })

  it("takes no longer for a text that almost matches", () => {
    const texts = ["again in " + "1 d, ".repeat(100_000), "resets ".repeat(100_000), "again in " + "1.".repeat(100_000)]
    const from = performance.now()
    for (const text of texts) ResetTime.waitOf(text, now)
    assert.isBelow(performance.now() - from, 3_000)
  })
})
