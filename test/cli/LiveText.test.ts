import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as LineText from "../../src/cli/live/Line.ts"
import * as Text from "../../src/cli/live/Text.ts"

describe("a text on a terminal", () => {
  it("loses what would do anything but be read", () => {
    const hostile = [
      ["\u001B[31mred\u001B[0m", "red"],
      ["\u001B]0;title\u0007after", "after"],
      ["\u001B]8;;http://x\u001B\\link\u001B]8;;\u001B\\", "link"],
      ["\u009B2Jcleared", "cleared"],
      ["\u001BPq#0\u001B\\sixel", "sixel"],
      ["\u001Bcreset", "reset"],
      ["two\r\nlines\tand a tab", "two lines and a tab"],
      ["a\bb\u0000c\u007F", "abc"],
      ["\u202Etxt.exe\u2066", "txt.exe"],
      ["half \uD83D of a pair", "half \uFFFD of a pair"],
      ["\u001B]0;never ended", "0;never ended"],
      ["  spaces  stay ", "  spaces  stay "]
    ] as const
    for (const [text, cleaned] of hostile) assert.strictEqual(Text.clean(text), cleaned)
  })

  it("is as wide as a terminal makes it", () => {
    const widths = [
      ["plain", 5],
      ["漢字", 4],
      ["ﾊﾝｶｸ", 4],
      ["한글", 4],
      ["Ａ", 2],
      ["é", 1],
      ["e\u0301", 1],
      ["🎉", 2],
      ["👩‍👩‍👧", 2],
      ["🇩🇪", 2],
      ["❤️", 2],
      ["✓ ● ⏸ ↺ ⠋ █ … · ─", 17],
      ["", 0]
    ] as const
    for (const [text, width] of widths) assert.strictEqual(Text.width(text), width, text)
  })

  it("is cut by columns, and never within a character", () => {
    assert.strictEqual(Text.fit("漢字漢字", 5), "漢字…")
    assert.strictEqual(Text.fit("漢字漢字", 4), "漢…")
    assert.strictEqual(Text.fit("漢字", 4), "漢字")
    assert.strictEqual(Text.fit("a👩‍👩‍👧b", 3), "a…")
    assert.strictEqual(Text.fit("plain", 0), "")
    assert.strictEqual(Text.pad("漢", 5), "漢   ")
  })

  it("whatever it is, takes no more columns than it is given and no control reaches the terminal", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string({ unit: "grapheme" }),
      fc.string({ unit: fc.constantFrom("\u001B", "[", "]", "3", "m", ";", "\u0007", "漢", "🎉", "\u0301", "a", "\n") })
    )
    fc.assert(
      fc.property(text, fc.nat(20), (text, columns) => {
        const cleaned = Text.clean(text)
        assert.notMatch(cleaned, /[\p{Cc}\u202A-\u202E\u2066-\u2069]/u)
        assert.isAtMost(Text.width(Text.fit(cleaned, columns)), columns)
        assert.strictEqual(Text.width(Text.pad(cleaned, columns)), columns)
        const line = LineText.write([[text, "bad"], [text]], columns, false)
        assert.isAtMost(Text.width(line), columns)
      }),
      { numRuns: 500 }
    )
  })
})
