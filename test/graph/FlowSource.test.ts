import { assert, it } from "@effect/vitest"
import { describe } from "vitest"
import * as FlowSource from "../../src/graph/FlowSource.ts"

const encoder = new TextEncoder()
const read = (text: string | Uint8Array) =>
  FlowSource.parse("f.yaml", typeof text === "string" ? encoder.encode(text) : text)
const told = (text: string | Uint8Array) =>
  read(text).problems.map(({ column, detail, line }) => `${line}:${column} ${detail}`)
const json = (text: string) => {
  const { value } = read(text)
  return value === null ? undefined : FlowSource.toJson(value)
}
const repeat = (count: number, line: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => line(i)).join("")

describe("YG-1: files that would take a parser down", () => {
  const laughs = "a: &a [x,x,x,x,x,x,x,x,x]\n" +
    repeat(8, (i) => `${"bcdefghi"[i]}: &${"bcdefghi"[i]} [${Array(9).fill(`*${"abcdefgh"[i]}`).join(",")}]\n`)
  const cases: ReadonlyArray<readonly [name: string, text: string, told: RegExp]> = [
    ["1,100 opening brackets", "[".repeat(1_100), /^1:\d+ it is nested more than 100 levels deep$/],
    ["5,000 opening braces", "{".repeat(5_000), /nested more than 100 levels/],
    ["5,000 dashes in a line", "- ".repeat(5_000), /nested more than 100 levels/],
    ["5,000 question marks in a line", "? ".repeat(5_000), /nested more than 100 levels/],
    ["colons in a line", ": ".repeat(5_000), /nested more than 100 levels/],
    ["300 maps below each other", repeat(300, (i) => `${" ".repeat(i)}a:\n`), /nested more than 100 levels/],
    ["300 lists below each other", repeat(300, (i) => `${" ".repeat(i)}-\n`), /nested more than 100 levels/],
    ["a million laughs", laughs, /more than 50000 values/],
    [
      "merged laughs",
      laughs.replaceAll("[*", "[{<<: *").replaceAll(",*", "},{<<: *").replaceAll(/\}?\]\n(?=.)/g, "}]\n"),
      /./
    ],
    [
      "aliases in aliases",
      "a0: &a0 [x]\n" + repeat(3_000, (i) => `a${i + 1}: &a${i + 1} [*a${i}]\n`),
      /nested more than 100/
    ],
    ["500,000 items", `[${"a,".repeat(500_000)}]`, /more than 100000 words/],
    ["100,000 nodes", repeat(70_000, () => "- {id: a}\n"), /more than 100000 words/],
    ["200,000 keys", repeat(200_000, () => "a: b\n"), /more than 100000 words/],
    ["5 MiB", `a: ${"x".repeat(5_242_880)}`, /it has 5242883 bytes; the most is 1048576/],
    ["a megabyte of quotes", "'".repeat(1_000_000), /^$/],
    ["a megabyte of spaces before a word", " ".repeat(1_000_000), /^$/],
    ["a text of half a million lines", `a: "${" x\n".repeat(340_000)}`, /not YAML/]
  ]
  for (const [name, text, expected] of cases) {
    // what fills the stack or the memory does so by then; a megabyte is read less often
    const times = text.length < 20_000 ? 20 : 4
    it(`ends with ${name}, ${times} times, in less than a second of the processor each`, () => {
      const before = process.cpuUsage()
      for (let time = 0; time < times; time++) assert.match(told(text).join("\n").slice(0, 200), expected)
      const { system, user } = process.cpuUsage(before)
      assert.isBelow((system + user) / 1_000 / times, 1_000)
    })
  }

  it("reads what is nested a hundred levels deep", () => {
    assert.deepStrictEqual(told(`${"[".repeat(100)}${"]".repeat(100)}`), [])
    assert.deepStrictEqual(told(repeat(100, (i) => `${" ".repeat(i)}a:\n`)), [])
    assert.deepStrictEqual(told(`a: |\n${"  [[[[[[{{{{{{- - - -\n".repeat(100)}`), [])
  })
})

describe("YG-2: what YAML makes of a file", () => {
  it("keeps what YAML 1.2 says: words that look like booleans or dates are texts", () => {
    assert.deepStrictEqual(json("a: yes\nb: No\nc: on\nd: 2024-01-02\ne: 12:30\nf: 1_000\ng: ~\nh: 0x1F\ni: 0o17"), {
      a: "yes",
      b: "No",
      c: "on",
      d: "2024-01-02",
      e: "12:30",
      f: "1_000",
      g: null,
      h: 31,
      i: 15
    })
  })

  it("reads a byte order mark, Windows line ends, comments and nothing at all", () => {
    assert.deepStrictEqual(json("\uFEFFa: 1\r\nb: |\r\n  x\r\n  y\r\n"), { a: 1, b: "x\ny\n" })
    assert.deepStrictEqual(read(""), { value: null, problems: [] })
    assert.deepStrictEqual(read("# nothing\n\n"), { value: null, problems: [] })
  })

  it("puts anchors, aliases and merged maps where they are named, what is written winning over what is merged", () => {
    const text =
      "base: &base {a: 1, b: [x]}\nmore: &more {b: 2, c: 3}\none:\n  <<: [*base, *more]\n  a: 9\ntwo: *base\n&k name: 1\n"
    assert.deepStrictEqual(json(text), {
      base: { a: 1, b: ["x"] },
      more: { b: 2, c: 3 },
      one: { a: 9, b: ["x"], c: 3 },
      two: { a: 1, b: ["x"] },
      name: 1
    })
  })

  it("knows where everything begins, texts in quotes and blocks included", () => {
    const { value } = read("a: 1\nb: [x, 'y z']\nc: |\n\n    deep\n  \nd: \"q\"\n")
    const shown = ({ column, line }: { readonly line: number; readonly column: number }) => `${line}:${column}`
    const places = value?._tag === "Map"
      ? value.entries.map(({ at, value }) =>
        [at, value.at, value._tag === "Scalar" ? value.textAt : value.at].map(shown).join(" ")
      )
      : []
    assert.deepStrictEqual(places, ["1:1 1:4 1:4", "2:1 2:4 2:4", "3:1 3:4 4:5", "7:1 7:4 7:5"])
  })

  it("keeps keys as they are written", () => {
    assert.deepStrictEqual(json("true: 1\n010: 2\n1.50: 3\n'': 4\nnull: 5\nconstructor: 6\n"), {
      true: 1,
      "010": 2,
      "1.50": 3,
      "": 4,
      null: 5,
      constructor: 6
    })
  })

  const faults: ReadonlyArray<readonly [name: string, text: string | Uint8Array, told: ReadonlyArray<string>]> = [
    ["a key given twice", "a: 1\nb: 2\na: 3\n", ["3:1 'a' is given twice; first in line 1"]],
    ["a key in quotes given again without", "1: x\n'1': y\n", ["2:1 '1' is given twice; first in line 1"]],
    ["__proto__", "a: {__proto__: {x: 1}}\n", ["1:5 '__proto__' cannot be a name"]],
    ["a list as a key", "? [a]\n: 1\n", ["1:3 a key has to be a text"]],
    ["no key", ": 1\n", ["1:1 a key is missing"]],
    ["code in a tag", "a: !!js/function 'x'\n", ["1:18 the tag tag:yaml.org,2002:js/function is not known"]],
    ["an operator that YAML takes for a tag", "op: !=\n", ["1:7 the tag != is not known"]],
    [
      "numbers that JSON cannot hold",
      "a: .nan\nb: -.inf\nc: 12345678901234567890\nd: 1e999\n",
      [
        "1:4 .nan is no number of JSON",
        "2:4 -.inf is no number of JSON",
        "3:4 12345678901234567890 has more digits than are kept",
        "4:4 1e999 is no number of JSON"
      ]
    ],
    ["an alias that holds itself", "a: &a [*a]\n", ["1:8 the alias *a holds itself"]],
    ["an alias of nothing", "a: *b\n", ["1:4 the alias *b has no anchor before it"]],
    ["two documents", "a: 1\n---\nb: 2\n", ["2:1 there is a second document in the file"]],
    ["another version of YAML", "%YAML 1.1\n---\na: yes\n", ["1:1 it says that it is YAML 1.1"]],
    ["a tab to indent", "a:\n\tb: 1\n", ["2:1 a tab is used to indent"]],
    ["a bracket left open", "a: [1, 2\n", [
      "2:1 it is not YAML: flow sequence in block collection must be sufficiently indented and end with a ]"
    ]],
    ["two colons", "a: b: c\n", ["1:4 it is not YAML: nested mappings are not allowed in compact mappings"]],
    ["U+0000", "a: 1\nb: \u0000\n", ["2:4 it holds the control character U+0000"]],
    ["UTF-16", new Uint8Array([0xff, 0xfe, 0x61, 0]), ["1:1 it is UTF-16"]],
    ["bytes that are no UTF-8", new Uint8Array([0x61, 0x3a, 0x0a, 0x20, 0xc3, 0x28]), ["2:2 it is not UTF-8"]]
  ]
  for (const [name, text, expected] of faults) {
    it(`tells of ${name}`, () => assert.deepStrictEqual(told(text), expected))
  }

  it("leaves every prototype as it is", () => {
    json("__proto__: {polluted: 1}\nconstructor: {prototype: {polluted: 1}}\n")
    assert.notProperty({}, "polluted")
  })
})
