import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import type { StreamEvent } from "open-agent-workflows/provider/HttpWire"
import * as ServerSentEvents from "../../src/provider/ServerSentEvents.ts"

/** The events of a text whose bytes come in these pieces; the last one only when it was ended. */
const read = (pieces: ReadonlyArray<Uint8Array | string>, limit = 1_000_000) => {
  const parser = ServerSentEvents.make(limit)
  const events: Array<StreamEvent> = []
  for (const piece of pieces) {
    events.push(...Either.getOrThrow(parser.feed(typeof piece === "string" ? Buffer.from(piece) : piece)))
  }
  return { events, last: parser.end() }
}

const dataOf = (text: string) => read([text]).events.map(({ data }) => data)

describe("events", () => {
  it.each([
    ["LF", "data: a\n\ndata: b\n\n"],
    ["CR LF", "data: a\r\n\r\ndata: b\r\n\r\n"],
    ["CR", "data: a\r\rdata: b\r\r"],
    ["all three", "data: a\r\n\ndata: b\r\r\n"]
  ])("end with an empty line, with lines ended by %s", (_name, text) => {
    assert.deepStrictEqual(dataOf(text), ["a", "b"])
  })

  it("have data of several lines, in order, with the empty ones", () => {
    assert.deepStrictEqual(dataOf("data: a\ndata:\ndata: b\n\n"), ["a\n\nb"])
    assert.deepStrictEqual(dataOf("data\n\n"), [""])
  })

  it("have a name that holds for one event", () => {
    assert.deepStrictEqual(read(["event: delta\ndata: 1\n\ndata: 2\n\nevent:\ndata: 3\n\n"]).events, [
      { event: "delta", data: "1" },
      { event: undefined, data: "2" },
      { event: undefined, data: "3" }
    ])
  })

  it("lose one space after the colon, and no more", () => {
    assert.deepStrictEqual(dataOf("data:a\n\ndata:  b \n\ndata: c:d\n\n"), ["a", " b ", "c:d"])
  })

  it("are not made by comments, identifiers, times, unknown fields or names without data", () => {
    const text = ": keep-alive\n\n:\n\nid: 7\nretry: 10\nother: x\n\nevent: ping\n\ndatax: y\n\n"
    assert.deepStrictEqual(read([text]), { events: [], last: undefined })
  })

  it("may follow a byte order mark", () => {
    assert.deepStrictEqual(dataOf("\uFEFFdata: a\n\n"), ["a"])
  })

  it("are given at the end when the last line is missing, and only then", () => {
    assert.deepStrictEqual(read(["data: a\n\ndata: b"]), {
      events: [{ event: undefined, data: "a" }],
      last: { event: undefined, data: "b" }
    })
    assert.deepStrictEqual(read(["event: e\ndata: b\n"]).last, { event: "e", data: "b" })
    assert.isUndefined(read(["data: a\n\n"]).last)
    assert.isUndefined(read([": comment"]).last)
    assert.isUndefined(read([""]).last)
  })

  it("are the same wherever the bytes are split", () => {
    const line = FastCheck.oneof(
      FastCheck.constantFrom("", "", ":", ": keep", "event: e", "data", "data:", "data: ", "id: 1", "x"),
      FastCheck.string({ unit: "grapheme", maxLength: 12 }).map((text) => `data: ${text.replace(/[\r\n]/g, "")}`)
    )
    const text = FastCheck.array(FastCheck.tuple(line, FastCheck.constantFrom("\n", "\r\n", "\r")), { maxLength: 30 })
    FastCheck.assert(
      FastCheck.property(text, FastCheck.array(FastCheck.nat(), { maxLength: 8 }), (lines, cuts) => {
        const bytes = Buffer.from(lines.flat().join(""))
        const whole = read([bytes])
        const places = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].toSorted((
          a,
          b
        ) => a - b)
        const parts = places.slice(1).map((end, index) => bytes.subarray(places[index], end))
        assert.deepStrictEqual(read(parts), whole)
        assert.deepStrictEqual(read([...bytes].map((byte) => Uint8Array.of(byte))), whole)
      }),
      { numRuns: 500 }
    )
  })
})

describe("an event that passes the limit", () => {
  const feed = (pieces: ReadonlyArray<string>, limit: number) => {
    const parser = ServerSentEvents.make(limit)
    return pieces.map((piece) => parser.feed(Buffer.from(piece))).findIndex(Either.isLeft)
  }

  it("is refused while it comes, whether in one line or in many", () => {
    assert.strictEqual(feed(["data: ", "x".repeat(60), "x".repeat(60), "\n\n"], 100), 2)
    assert.strictEqual(feed(Array.from({ length: 30 }, () => "data: x\n"), 100), 14)
    assert.strictEqual(feed([": ", "x".repeat(200)], 100), 1)
  })

  it("is one event, not all of them together", () => {
    assert.strictEqual(feed(Array.from({ length: 1_000 }, () => `data: ${"x".repeat(80)}\n\n`), 100), -1)
  })
})

describe("time", () => {
  const seconds = (pieces: ReadonlyArray<Uint8Array>, limit: number) => {
    const parser = ServerSentEvents.make(limit)
    const start = performance.now()
    let count = 0
    for (const piece of pieces) count += Either.getOrThrow(parser.feed(piece)).length
    return { count, seconds: (performance.now() - start) / 1_000 }
  }

  it("is linear in the bytes: 32 MiB of small events, and one event of 16 MiB in pieces of 1 KiB", () => {
    const event = `data: ${
      JSON.stringify({ choices: [{ index: 0, delta: { content: "word" } }], pad: "x".repeat(180) })
    }\n\n`
    const block = Buffer.from(event.repeat(Math.ceil(65_536 / event.length)))
    const small = seconds(Array.from({ length: 512 }, () => block), 1_000_000)
    const large = seconds(
      [Buffer.from("data: "), ...Array.from({ length: 16_000 }, () => Buffer.alloc(1_024, "x")), Buffer.from("\n\n")],
      17_000_000
    )
    if (process.env["OWF_FIGURES"] !== undefined) {
      console.log(`events: ${Math.round(small.count / small.seconds)}/s, ${Math.round(32 / small.seconds)} MiB/s`)
      console.log(`one event of 16 MiB: ${Math.round(large.seconds * 1_000)} ms`)
    }
    assert.strictEqual(large.count, 1)
    assert.isBelow(small.seconds, 5)
    assert.isBelow(large.seconds, 5)
  })
})
