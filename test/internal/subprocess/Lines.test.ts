import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Lines from "../../../src/internal/subprocess/Lines.ts"

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

const split = (
  chunks: ReadonlyArray<Uint8Array>,
  options?: Lines.Options
): { readonly lines: ReadonlyArray<string>; readonly facts: Lines.Facts } => {
  const splitter = Lines.make(options)
  const lines = chunks.flatMap((chunk) => splitter.push(chunk))
  return { lines: [...lines, ...splitter.end()], facts: splitter.facts() }
}

const text = "{\"a\":1}\r\nzwölf Boxkämpfer 日本語\n\n👩‍👩‍👧‍👦 \u2028 x\ry\n\u{feff}kept\nlast"
const lines = ["{\"a\":1}", "zwölf Boxkämpfer 日本語", "", "👩‍👩‍👧‍👦 \u2028 x\ry", "\u{feff}kept", "last"]

describe("lines", () => {
  it("are the same wherever the bytes are cut", () => {
    const all = bytes(text)
    const facts = { lines: 6, dropped: 0, invalidUtf8: false }
    for (let at = 0; at <= all.length; at++) {
      assert.deepStrictEqual(split([all.subarray(0, at), all.subarray(at)]), { lines, facts }, `cut at ${at}`)
    }
    assert.deepStrictEqual(split(Array.from(all, (byte) => Uint8Array.of(byte))), { lines, facts })
  })

  it("have no byte order mark before the first", () => {
    const all = Uint8Array.of(0xef, 0xbb, 0xbf, ...bytes("first\nsecond\n"))
    for (let at = 0; at <= all.length; at++) {
      assert.deepStrictEqual(split([all.subarray(0, at), all.subarray(at)]).lines, ["first", "second"], `cut at ${at}`)
    }
    assert.deepStrictEqual(split([Uint8Array.of(0xef, 0xbb, 0xbf, 0x0d, 0x0a)]).lines, [""])
  })

  it("end with a line feed or with the output, which may be empty", () => {
    assert.deepStrictEqual(split([bytes("a\n")]).lines, ["a"])
    assert.deepStrictEqual(split([bytes("a\nb\r")]).lines, ["a", "b\r"])
    assert.deepStrictEqual(split([bytes("\n\n")]).lines, ["", ""])
    assert.deepStrictEqual(split([]).lines, [])
    assert.deepStrictEqual(split([new Uint8Array()]).lines, [])
  })

  it("PC-11: say when they were no UTF-8", () => {
    const latin1 = split([Uint8Array.of(0x63, 0x61, 0x66, 0xe9, 0x0a), bytes("ok\n")])
    assert.deepStrictEqual(latin1, {
      lines: ["caf\u{fffd}", "ok"],
      facts: { lines: 2, dropped: 0, invalidUtf8: true }
    })
    assert.isTrue(split([bytes("ok\n"), Uint8Array.of(0xe2, 0x82)]).facts.invalidUtf8)
    assert.isTrue(split([Buffer.from("\u{feff}two words\n", "utf16le")]).facts.invalidUtf8)
  })

  it("are dropped and counted when they are too long, and those around them are not", () => {
    const all = bytes(`${"x".repeat(11)}\n${"y".repeat(10)}\n${"ö".repeat(6)}\nend`)
    const expected = { lines: ["y".repeat(10), "end"], facts: { lines: 2, dropped: 2, invalidUtf8: false } }
    for (const size of [1, 2, 3, 7, 10, 11, 12, 100]) {
      const chunks = Array.from(
        { length: Math.ceil(all.length / size) },
        (_, n) => all.subarray(n * size, (n + 1) * size)
      )
      assert.deepStrictEqual(split(chunks, { maxLineBytes: 10 }), expected, `pieces of ${size}`)
    }
    assert.deepStrictEqual(split([bytes("x".repeat(11))], { maxLineBytes: 10 }).facts.dropped, 1)
  })

  it("that are dropped are told of where they stood, with their size", () => {
    const all = bytes(`a\n${"x".repeat(11)}\nb\n${"y".repeat(30)}`)
    for (const size of [1, 3, 12, 100]) {
      const found: Array<string | number> = []
      const cutter = Lines.cut({ line: (line) => found.push(line), dropped: (bytes) => found.push(bytes) }, {
        maxLineBytes: 10
      })
      for (let at = 0; at < all.length; at += size) cutter.push(all.subarray(at, at + size))
      cutter.end()
      assert.deepStrictEqual(found, ["a", 11, "b", 30], `pieces of ${size}`)
    }
  })

  it("may be long", () => {
    const long = "ab\u{10ffff}c".repeat(300_000)
    const all = bytes(`${long}\nshort\n${long}`)
    const chunks = Array.from(
      { length: Math.ceil(all.length / 65_535) },
      (_, n) => all.subarray(n * 65_535, (n + 1) * 65_535)
    )
    const found = split(chunks).lines
    assert.deepStrictEqual(found.map((line) => line.length), [long.length, 5, long.length])
    assert.isTrue(found[0] === long && found[2] === long)
  })
})

describe("a sink of lines", () => {
  it.effect("delivers one after the other, and the last one at the end", () =>
    Effect.gen(function*() {
      const taken: Array<string> = []
      const { end, facts, sink } = Lines.sink((line) =>
        Effect.sync(() => {
          taken.push(line)
          return line === "result" ? "complete" : "more"
        })
      )
      assert.strictEqual(yield* sink(bytes("one\ntw")), "more")
      assert.strictEqual(yield* sink(bytes("o\nresult\nafter\nla")), "complete")
      assert.deepStrictEqual(taken, ["one", "two", "result", "after"])
      assert.strictEqual(yield* sink(bytes("s")), "more")
      assert.strictEqual(yield* end, "more")
      assert.deepStrictEqual(taken, ["one", "two", "result", "after", "las"])
      assert.deepStrictEqual(yield* facts, { lines: 5, dropped: 0, invalidUtf8: false })
      assert.strictEqual(yield* end, "more")
      assert.strictEqual(taken.length, 5)
    }))
})
