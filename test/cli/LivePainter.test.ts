import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { Painter } from "../../src/cli/live/Painter.ts"

/** A terminal of the plainest kind: what is written to it, and the few sequences a painter may use. */
class Terminal {
  /** All rows from the first one on; those above the last `height` have scrolled off and cannot be changed. */
  readonly rows: Array<string> = [""]
  private row = 0
  private column = 0

  private columns: number
  private readonly height: number
  private wraps = true
  /** Whether programs do not know of the width yet. */
  private isSecret = false

  constructor(columns: number, height: number) {
    this.columns = columns
    this.height = height
  }

  write(text: string): void {
    for (const [token] of text.matchAll(/\u001B\[\?7[hl]|\u001B\[(\d*)([A-Z])|\r\n|[\s\S]/g)) this.token(token)
  }

  /** What was wrapped by a narrower width is so from now on. */
  narrow(columns: number, isSecret = false): void {
    this.columns = columns
    this.isSecret = isSecret
    const rows = this.rows.flatMap((row) =>
      row.length <= columns ? [row] : row.match(new RegExp(`.{1,${columns}}`, "g")) ?? []
    )
    this.rows.splice(0, this.rows.length, ...rows)
    this.row = this.rows.length - 1
    this.column = this.rows.at(-1)?.length ?? 0
  }

  private token(token: string): void {
    const [, count, name] = /^\u001B\[(\d*)([A-Z])$/.exec(token) ?? []
    if (name === "A") this.row = Math.max(0, this.rows.length - this.height, this.row - Number(count))
    else if (token.startsWith("\u001B[?7")) this.wraps = token.endsWith("h")
    else if (name === "K") this.rows[this.row] = ""
    else if (name === "J") {
      this.rows.length = this.row + 1
      this.rows[this.row] = this.text.slice(0, this.column)
    } else if (token === "\r") this.column = 0
    else if (token === "\r\n" || token === "\n") {
      this.row++
      this.column = 0
      if (this.row === this.rows.length) this.rows.push("")
    } else {
      if (this.column >= this.columns) {
        if (!this.wraps) {
          assert.isTrue(this.isSecret, "a line of the region is as wide as the terminal")
          this.column = this.columns - 1
        } else this.token("\n")
      }
      this.rows[this.row] = this.text.slice(0, this.column).padEnd(this.column) + token +
        this.text.slice(this.column + 1)
      this.column++
    }
  }

  private get text(): string {
    return this.rows[this.row] ?? ""
  }
}

const columns = 20

/** Rows without the empty ones at the end, which nobody sees. */
const visible = (rows: ReadonlyArray<string>): ReadonlyArray<string> =>
  rows.slice(0, rows.findLastIndex((row) => row !== "") + 1)

const word = fc.string({ unit: fc.constantFrom("a", "b", " "), maxLength: columns - 1 }).map((text) => text.trimEnd())
const lines = fc.array(word, { maxLength: 8 })
const step = fc.oneof(
  lines.map((lines) => ({ lines, text: "" })),
  fc.tuple(lines, fc.array(word, { minLength: 1, maxLength: 4 })).map(([lines, above]) => ({
    lines,
    text: above.map((line) => `${line}\n`).join("")
  }))
)

describe("a painter", () => {
  it("shows exactly the text above it and the last lines, whatever came before", () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
        const painter = new Painter()
        const terminal = new Terminal(columns, 10)
        let above = ""
        for (const { lines, text } of steps) {
          terminal.write(painter.paint(lines, text))
          above += text
          const expected = above.split("\n").slice(0, -1).concat(lines.length === 0 ? [""] : lines)
          assert.deepStrictEqual(visible(terminal.rows), visible(expected))
        }
        terminal.write(painter.erase())
        assert.deepStrictEqual(visible(terminal.rows), visible(above.split("\n")))
      }),
      { numRuns: 500 }
    )
  })

  it("leaves nothing of a region whose lines wrapped in a narrower terminal", () => {
    fc.assert(
      fc.property(lines, lines, fc.integer({ min: 4, max: columns }), (first, second, narrower) => {
        const painter = new Painter()
        const terminal = new Terminal(columns, 40)
        terminal.write("$ owf run\n")
        terminal.write(painter.paint(first))
        terminal.narrow(narrower)
        terminal.write(painter.resized(narrower, 40))
        const cut = second.map((line) => line.slice(0, narrower - 1))
        terminal.write(painter.paint(cut))
        const prompt = ["$ owf run".slice(0, narrower), "$ owf run".slice(narrower)]
        assert.strictEqual(terminal.rows.join("").slice(0, 9), prompt.join("").slice(0, 9))
        const kept = terminal.rows.slice(Math.ceil(9 / narrower))
        assert.deepStrictEqual(visible(kept), visible(cut))
      }),
      { numRuns: 500 }
    )
  })

  it("neither loses nor doubles a line of text that came between the narrowing and the word of it", () => {
    const texts = fc.array(fc.array(word, { minLength: 1, maxLength: 3 }), { maxLength: 4 })
    fc.assert(
      fc.property(lines, texts, texts, fc.integer({ min: 4, max: columns }), (region, before, between, narrower) => {
        const painter = new Painter()
        const terminal = new Terminal(columns, 100)
        const say = (text: ReadonlyArray<string>) =>
          terminal.write(painter.paint(region, text.map((line) => `${line}\n`).join("")))
        terminal.write(painter.paint(region))
        before.forEach(say)
        terminal.narrow(narrower, true)
        between.forEach(say)
        terminal.narrow(narrower)
        terminal.write(painter.resized(narrower, 100))
        const cut = region.map((line) => line.slice(0, narrower - 1))
        terminal.write(painter.paint(cut))
        const said = [...before, ...between].flat().flatMap((line) =>
          line === "" ? [""] : line.match(new RegExp(`.{1,${narrower}}`, "g")) ?? []
        )
        assert.deepStrictEqual(visible(terminal.rows), visible([...said, ...cut]))
      }),
      { numRuns: 500 }
    )
  })

  it("erases row by row: some terminals keep in their scrollback what is cleared from the first row on", () => {
    const painter = new Painter()
    painter.paint(["one", "two"])
    assert.notInclude(painter.resized(2, 40), "\u001B[J")
    painter.paint(["one", "two"])
    assert.notInclude(painter.erase(), "\u001B[J")
  })

  it("never makes the cursor invisible: who is killed could not bring it back", () => {
    const painter = new Painter()
    const frames = [["one", "two"], ["one"], [], ["three"]].map((lines) => painter.paint(lines, "text\n"))
    assert.notInclude([...frames, painter.resized(2, 40), painter.erase()].join(""), "\u001B[?25")
  })

  it("writes nothing when nothing changed, and only the lines that did", () => {
    const painter = new Painter()
    painter.paint(["one", "two", "three"])
    assert.strictEqual(painter.paint(["one", "two", "three"]), "")
    const changed = painter.paint(["one", "2", "three"])
    assert.include(changed, "2")
    assert.notInclude(changed, "one")
    assert.notInclude(changed, "three")
  })
})
