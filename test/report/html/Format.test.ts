import { assert, describe, it } from "@effect/vitest"
import { bytes, compact, counted, duration, percent, usd, visible } from "../../../src/report/viewer/Format.ts"

describe("values in the report", () => {
  it("spans of time have the digits that matter, and never sixty of anything", () => {
    assert.deepStrictEqual(
      [null, 0, 999.6, 1000, 59_949, 59_960, 119_700, 3_599_600, 3_600_000, 172_800_000].map(duration),
      ["–", "0 ms", "1.0 s", "1.0 s", "59.9 s", "1 min 0 s", "2 min 0 s", "1 h 0 min", "1 h 0 min", "2 d 0 h"]
    )
  })

  it("money that is not known is not zero, and what is little is not nothing", () => {
    assert.deepStrictEqual([null, 0, 0.000_01, 0.0034, 12.345].map(usd), [
      "unknown",
      "$0",
      "<$0.0001",
      "$0.0034",
      "$12.35"
    ])
  })

  it("long counts are short", () => {
    assert.deepStrictEqual([0, 9999, 10_000, 123_456, 2_440_000].map(compact), ["0", "9,999", "10k", "123k", "2.4M"])
    assert.deepStrictEqual([bytes(1023), bytes(3 * 2 ** 20)], ["1023 B", "3 MiB"])
    assert.deepStrictEqual([counted(1, "call"), counted(1200, "call")], ["1 call", "1,200 calls"])
    assert.deepStrictEqual([percent(1, 0), percent(1, 3)], ["0%", "33%"])
  })

  it("characters that hide or turn texts around are shown; joined emoji, accents and line ends stay", () => {
    assert.strictEqual(visible("a\u202eb\u0000c\u200bd\ufeff"), "a⟨U+202E⟩b⟨U+0000⟩c⟨U+200B⟩d⟨U+FEFF⟩")
    const plain = "grüße 👩‍👩‍👧 中文\n\ttab"
    assert.strictEqual(visible(plain), plain)
    assert.strictEqual(visible("a\r\nb\rc"), "a\nb⟨U+000D⟩c")
  })
})
