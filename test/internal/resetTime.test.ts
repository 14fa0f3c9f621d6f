import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as FastCheck from "fast-check"
import * as ResetTime from "../../src/internal/resetTime.ts"

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
  // Monday is three days away, and Friday is today
  "Weekly limit reached ∙ resets Mon 3am": 2 * 24 * hour + 4 * hour + 51 * minute + 48 * second,
  "resets on Monday at 12:30 AM (UTC)": 2 * 24 * hour + 2 * hour + 21 * minute + 48 * second,
  "resets Fri 11pm": 51 * minute + 48 * second,
  "resets Fri, 10pm": 7 * 24 * hour - 8 * minute - 12 * second,
  "resets tomorrow at 3am": 4 * hour + 51 * minute + 48 * second,
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

describe("TI-3, PC-17: the end of a limit in UTC", () => {
  for (const [text, wait] of Object.entries(cases)) {
    it(`reads ${JSON.stringify(text)} as ${wait === undefined ? "nothing" : `${wait} ms`}`, () => {
      assert.strictEqual(ResetTime.waitOf(text, { nowMillis: now }), wait)
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
        const wait = ResetTime.waitOf(parts.join(""), { nowMillis: now })
        if (wait !== undefined) assert.isTrue(Number.isSafeInteger(wait) && wait >= 0 && wait <= 40 * 24 * hour)
      }),
      { numRuns: 1_000 }
    )
  })

  it("takes no longer for a text that almost matches", () => {
    const texts = ["again in " + "1 d, ".repeat(100_000), "resets ".repeat(100_000), "again in " + "1.".repeat(100_000)]
    const from = performance.now()
    for (const text of texts) ResetTime.waitOf(text, { nowMillis: now })
    assert.isBelow(performance.now() - from, 3_000)
  })
})

const berlin = DateTime.zoneUnsafeMakeNamed("Europe/Berlin")
const newYork = DateTime.zoneUnsafeMakeNamed("America/New_York")
const kolkata = DateTime.zoneMakeOffset(5.5 * 3_600_000)
const utc = DateTime.zoneMakeOffset(0)

const wait = (sentence: string, now: string, zone: DateTime.TimeZone = utc) =>
  ResetTime.waitOf(sentence, { nowMillis: Date.parse(now), zone, wholeMinutes: true })

/** The sentence, the present, the zone, and the instant at which asking again makes sense. */
const times: ReadonlyArray<readonly [string, string, DateTime.TimeZone, string]> = [
  ["try again at 11:09 PM.", "2026-11-21T12:00:00Z", utc, "2026-11-21T23:10:00Z"],
  ["try again at 11:09 PM.", "2026-11-21T12:00:00Z", berlin, "2026-11-21T22:10:00Z"],
  ["try again at 11:09 PM.", "2026-11-21T12:00:00Z", newYork, "2026-11-22T04:10:00Z"],
  ["try again at 11:09 PM.", "2026-11-21T12:00:00Z", kolkata, "2026-11-21T17:40:00Z"],
  ["try again at 11:09\u202fPM.", "2026-11-21T12:00:00Z", utc, "2026-11-21T23:10:00Z"],
  ["try again at 12:05 AM.", "2026-11-21T23:50:00Z", utc, "2026-11-22T00:06:00Z"],
  ["try again at 12:05 PM.", "2026-11-21T11:50:00Z", utc, "2026-11-21T12:06:00Z"],
  ["try again at 1:00 AM.", "2026-12-31T23:00:00Z", utc, "2027-01-01T01:01:00Z"],
  ["try again at 1:00 AM.", "2026-12-31T22:30:00Z", berlin, "2027-01-01T00:01:00Z"],
  ["try again at 23:09", "2026-11-21T12:00:00Z", utc, "2026-11-21T23:10:00Z"],
  // the same minute: its end, and a minute at least
  ["try again at 11:09 PM.", "2026-11-21T23:09:20Z", utc, "2026-11-21T23:10:20Z"],
  // printed before midnight and read after it: not tomorrow
  ["try again at 11:59 PM.", "2026-11-22T00:02:00Z", utc, "2026-11-22T00:03:00Z"],
  ["try again at 11:40 PM.", "2026-11-22T00:02:00Z", utc, "2026-11-22T23:41:00Z"],
  ["or try again at Nov 24th, 2026 4:26 AM.", "2026-11-21T12:00:00Z", utc, "2026-11-24T04:27:00Z"],
  ["or try again at Nov 24th, 2026 4:26 AM.", "2026-11-21T12:00:00Z", newYork, "2026-11-24T09:27:00Z"],
  ["resets Jan 2, 5am (UTC)", "2026-12-30T12:00:00Z", utc, "2027-01-02T05:01:00Z"],
  ["resets Mon 3am", "2026-12-31T12:00:00Z", utc, "2027-01-04T03:01:00Z"],
  ["Try again at January 1, 2027 at 12:00 AM", "2026-12-30T12:00:00Z", utc, "2027-01-01T00:01:00Z"],
  // clocks go back before the reset
  ["try again at Oct 25th, 2026 8:00 AM.", "2026-10-24T12:00:00Z", berlin, "2026-10-25T07:01:00Z"],
  ["try again at 8:00 AM.", "2026-10-24T20:00:00Z", berlin, "2026-10-25T07:01:00Z"],
  ["try again in 3 days 5 hours 2 minutes.", "2026-11-21T12:00:00Z", utc, "2026-11-24T17:02:00Z"],
  ["Please try again in 1.898s.", "2026-11-21T12:00:00Z", utc, "2026-11-21T12:00:01.898Z"],
  ["Please try again in 6m0s.", "2026-11-21T12:00:00Z", utc, "2026-11-21T12:06:00Z"],
  ["Please try again in 250ms.", "2026-11-21T12:00:00Z", utc, "2026-11-21T12:00:00.250Z"],
  ["try again in 1 hour and 30 minutes", "2026-11-21T12:00:00Z", utc, "2026-11-21T13:30:00Z"],
  ["retry after 20 seconds", "2026-11-21T12:00:00Z", utc, "2026-11-21T12:00:20Z"]
]

describe("TI-3, PC-17: the end of a limit in whole minutes of a zone", () => {
  it.each(times)("in '%s' read at %s is found", (sentence, now, zone, expected) => {
    const millis = wait(`You’ve hit your usage limit. ${sentence}`, now, zone)
    assert.strictEqual(
      new Date(Date.parse(now) + (millis ?? Number.NaN)).toISOString(),
      new Date(expected).toISOString()
    )
  })

  it.each([
    "Try again later.",
    "try again at noon",
    "try again at 25:61",
    "try again at 13:00 PM",
    "try again at 0:30 AM",
    "try again at Nov 24th, 2036 4:26 AM.",
    "try again at Foo 24th, 2026 4:26 AM.",
    "try again in a while",
    "try again in 999999 days",
    "it was 11:09 PM",
    ""
  ])("is not made up from '%s'", (sentence) => {
    assert.strictEqual(wait(sentence, "2026-11-21T12:00:00Z"), undefined)
  })

  it("is taken from an instant, and is now when that has passed", () => {
    const now = 1_000_000
    assert.strictEqual(ResetTime.until(1_060_000, now), 60_000)
    assert.strictEqual(ResetTime.until(10_000, now), 0)
    assert.strictEqual(ResetTime.until(1e15, now), undefined)
    assert.strictEqual(ResetTime.until(Number.NaN, now), undefined)
  })

  it("is looked for in linear time", () => {
    const long = `try again in ${"1 day, ".repeat(20_000)}`
    const before = performance.now()
    wait(long, "2026-11-21T12:00:00Z")
    wait("try again at ".repeat(20_000), "2026-11-21T12:00:00Z")
    assert.isBelow(performance.now() - before, 500)
  })
})
