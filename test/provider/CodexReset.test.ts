import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as CodexReset from "../../src/provider/CodexReset.ts"

const berlin = DateTime.zoneUnsafeMakeNamed("Europe/Berlin")
const newYork = DateTime.zoneUnsafeMakeNamed("America/New_York")
const kolkata = DateTime.zoneMakeOffset(5.5 * 3_600_000)
const utc = DateTime.zoneMakeOffset(0)

const wait = (sentence: string, now: string, zone: DateTime.TimeZone = utc) =>
  CodexReset.untilReset(sentence, { nowMillis: Date.parse(now), zone })

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

describe("the end of a limit", () => {
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

  it("is read from a second of the epoch, and is now when that has passed", () => {
    const moment = { nowMillis: 1_000_000, zone: utc }
    assert.strictEqual(CodexReset.untilSecond(1_060, moment), 60_000)
    assert.strictEqual(CodexReset.untilSecond(10, moment), 0)
    assert.strictEqual(CodexReset.untilSecond(1e12, moment), undefined)
    assert.strictEqual(CodexReset.untilSecond(Number.NaN, moment), undefined)
  })

  it("is looked for in linear time", () => {
    const long = `try again in ${"1 day, ".repeat(20_000)}`
    const before = performance.now()
    wait(long, "2026-11-21T12:00:00Z")
    wait("try again at ".repeat(20_000), "2026-11-21T12:00:00Z")
    assert.isBelow(performance.now() - before, 500)
  })
})
