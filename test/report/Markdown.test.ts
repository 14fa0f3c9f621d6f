import { assert, describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import type { Token, Tokens } from "marked"
import { marked } from "marked"
import * as Markdown from "open-agent-workflows/report/Markdown"
import type { RunReport } from "open-agent-workflows/report/RunReport"
import { visible } from "../../src/internal/visible.ts"
import * as MarkdownText from "../../src/report/MarkdownText.ts"
import { hostile, reported } from "./world.ts"

/** Fields whose texts come from users, models and other programs. */
const foreign = new Set([
  "workflow",
  "description",
  "provider",
  "model",
  "message",
  "label",
  "phase",
  "name",
  "group",
  "agentType",
  "text",
  "error",
  "errorKind",
  "degradedReason",
  "reason",
  "question",
  "path",
  "from",
  "branch",
  "sessionId",
  "costSource",
  "gitCommit",
  "gitBranch",
  "owfVersion",
  "node",
  "resumeCommand",
  "type"
])

/** The same report with other texts; a phase keeps its name wherever it is mentioned. */
const withTexts = <A>(value: A, text: () => string, key = ""): A => {
  if (typeof value === "string") return (foreign.has(key) ? text() : value) as A
  if (Array.isArray(value)) return value.map((item) => withTexts(item, text, key)) as A
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, withTexts(item, text, name)])) as A
}

const tokensOf = (markdown: string): ReadonlyArray<Token> => marked.lexer(markdown, { gfm: true })

/** What a document is made of, whatever its texts are. */
const structure = (tokens: ReadonlyArray<Token>): ReadonlyArray<string> =>
  tokens.flatMap((token): ReadonlyArray<string> => {
    switch (token.type) {
      case "table":
        return [`table of ${(token as Tokens.Table).header.length} by ${(token as Tokens.Table).rows.length}`]
      case "list":
        return [`list of ${(token as Tokens.List).items.length}`]
      case "heading":
        return [`heading ${(token as Tokens.Heading).depth}`]
      case "html":
        return [`html ${token.raw.replaceAll(/<code>[^<]*<\/code>/g, "").trim()}`]
      case "space":
        return []
      default:
        return [token.type]
    }
  })

const everyToken = (tokens: ReadonlyArray<Token>): ReadonlyArray<Token> => {
  const found: Array<Token> = []
  marked.walkTokens([...tokens], (token) => void found.push(token))
  return found
}

/** Bars that end a cell: by the number of backslashes before them, or only by the last one, as renderers differ. */
const bars = (row: string): readonly [number, number] => [
  [...row.matchAll(/(\\*)\|/g)].filter(([, slashes = ""]) => slashes.length % 2 === 0).length,
  [...row.matchAll(/(?<!\\)\|/g)].length
]

const tablesAreWhole = (markdown: string): void => {
  let columns: number | undefined
  let inCode: string | undefined
  for (const line of markdown.split("\n")) {
    const fence = /^`{3,}/.exec(line)?.[0]
    if (inCode === undefined && fence !== undefined) inCode = fence
    else if (inCode !== undefined && line === inCode) inCode = undefined
    if (inCode !== undefined || !line.startsWith("| ")) {
      columns = undefined
      continue
    }
    const [even, bare] = bars(line)
    columns ??= even
    assert.deepStrictEqual([even, bare], [columns, columns], line)
  }
}

const pieces = [
  "|",
  "\\|",
  "\\\\|",
  "`",
  "``",
  "```",
  "````\n",
  "\n",
  "\r\n",
  "\n\n",
  "\n# ",
  "\n> ",
  "\n- ",
  "\n---\n",
  "<script>alert(1)</script>",
  "</details>",
  "<!--",
  "-->",
  "<img src=x onerror=alert(1)>",
  "](javascript:alert(1))",
  "![a](http://evil/)",
  "[a]: http://evil/",
  "http://evil.example/",
  "www.evil.example",
  "@everyone",
  "#1",
  "&lt;",
  "&#124;",
  "\u202Ecod.exe",
  "\u2028",
  "\u0000",
  "\u001B[31m",
  "\uD800",
  "**",
  "~~",
  "\\",
  " ",
  "\t",
  "word",
  ""
]
const texts = FastCheck.array(FastCheck.constantFrom(...pieces), { maxLength: 12 }).map((some) => some.join(""))

const sample = <A>(use: (report: RunReport) => A) => Effect.map(reported, use)

describe("a report as Markdown", () => {
  it.scoped("has everything of a run", () =>
    Effect.flatMap(
      reported,
      (report) =>
        Effect.promise(() => expect(Markdown.render(report)).toMatchFileSnapshot("../golden/report/report.md"))
    ))

  it.scoped("for GitHub has alerts and folded details", () =>
    Effect.flatMap(
      reported,
      (report) =>
        Effect.promise(() =>
          expect(Markdown.render(report, { github: true })).toMatchFileSnapshot("../golden/report/report-github.md")
        )
    ))

  for (const github of [false, true]) {
    const form = github ? "for GitHub" : "in full"
    it.scoped(`${form} has the same structure whatever the texts in it are`, () =>
      sample((report) => {
        const plain = structure(tokensOf(Markdown.render(withTexts(report, () => "word"), { github })))
        FastCheck.assert(
          FastCheck.property(FastCheck.array(texts, { minLength: 20, maxLength: 40 }), (some) => {
            let next = 0
            const markdown = Markdown.render(withTexts(report, () => some[next++ % some.length] ?? ""), { github })
            const tokens = tokensOf(markdown)
            assert.deepStrictEqual(structure(tokens), plain)
            tablesAreWhole(markdown)
            for (const token of everyToken(tokens)) {
              assert.notInclude(["link", "image", "def", "em", "del"], token.type, token.raw.slice(0, 200))
            }
            assert.notMatch(markdown, /[\u0000-\u0008\u000B-\u001F\u202A-\u202E\u2066-\u2069]/)
          }),
          { numRuns: 60 }
        )
      }))

    it.scoped(`${form} has no HTML but its own`, () =>
      sample((report) => {
        const markdown = Markdown.render(withTexts(report, () => hostile), { github })
        const html = everyToken(tokensOf(markdown)).filter(({ type }) => type === "html")
        for (const { raw } of html) {
          assert.match(raw.trim(), /^(?:<details><summary>[^<]*(?:<code>[^<]*<\/code>[^<]*)*<\/summary>|<\/details>)$/)
        }
        assert.strictEqual(html.length > 0, github)
      }))
  }

  it.scoped("for GitHub fits into a comment, and says what is left out", () =>
    Effect.gen(function*() {
      const small = yield* reported
      for (const times of [1, 20, 400]) {
        const calls = Array.from({ length: times }, () => small.calls).flat()
        const long = withTexts(
          {
            ...small,
            calls,
            events: Array.from({ length: times }, () => small.events).flat(),
            warnings: Array.from({ length: times }, () => small.warnings).flat(),
            phases: Array.from({ length: times }, () => small.phases).flat(),
            runs: Array.from({ length: times }, () => small.runs).flat()
          },
          () => "`|".repeat(1_000)
        )
        const markdown = Markdown.render(long, { github: true })
        assert.isAtMost(markdown.length, Markdown.longestComment)
        assert.isAbove(markdown.length, times === 1 ? 10_000 : 40_000)
        if (times > 1) assert.match(markdown, /Left out, for a comment to hold it: .*the details of [\d,]+ calls\./)
        if (times > 1) assert.match(markdown, /… and [\d,]+ more\./)
        tablesAreWhole(markdown)
        assert.strictEqual(markdown.split("<details>").length, markdown.split("</details>").length)
      }
    }))

  it.scoped("for GitHub tells of calls that failed before it tells of others", () =>
    sample((report) => {
      const markdown = Markdown.render(report, { github: true })
      const places = ["0004: schema_failed", "0007 ", "0006 ", "0001 "].map((text) =>
        markdown.indexOf(`<summary>${text}`)
      )
      assert.deepStrictEqual(places, places.toSorted((a, b) => a - b))
      assert.isAbove(places[0] ?? -1, 0)
    }))
})

describe("a text inside Markdown", () => {
  it("is shown as it is, whatever it holds", () => {
    FastCheck.assert(FastCheck.property(texts, (text) => {
      const [paragraph] = tokensOf(MarkdownText.inline(text, 10_000))
      const [span, ...others] = (paragraph as Tokens.Paragraph).tokens
      assert.isEmpty(others)
      const shown = visible(text.replaceAll(/\s+/g, " ").trim())
      if (shown === "") assert.strictEqual(span?.type, "text")
      else assert.deepInclude(span, { type: "codespan", text: shown })
    }))
  })

  it("of several lines is shown as it is", () => {
    FastCheck.assert(FastCheck.property(texts, (some) => {
      const text = `first${some}`
      const [code, ...others] = tokensOf(MarkdownText.block(text))
      assert.isEmpty(others)
      const shown = visible(text.replaceAll(/\r\n?/g, "\n"))
      assert.strictEqual(code?.type, "code")
      // parsers differ in how many of the last line ends are the fence's
      assert.strictEqual((code as Tokens.Code).text.replace(/\n+$/, ""), shown.replace(/\n+$/, ""))
    }))
  })

  it("that is a sentence of words stays one, and nothing else does", () => {
    for (const text of ["It ran 3 times (twice), for 5 s: why?", "1 request is lost"]) {
      assert.strictEqual(MarkdownText.prose(text), text)
    }
    for (
      const text of ["see www.evil.example", "as in gh-12", "commit 0123abc", "1. first", "a_b_", "- a", "a@b", "x  y"]
    ) {
      assert.notStrictEqual(MarkdownText.prose(text), text, text)
    }
  })

  it("is cut between characters", () => assert.strictEqual(MarkdownText.inline("ab\u{1F600}cd", 4), "`ab…`"))
})

describe("a report of ten thousand calls", () => {
  it.scoped("is written in a moment", () =>
    Effect.gen(function*() {
      const report = yield* reported
      const calls = Array.from({ length: 1_250 }, () => report.calls).flat()
      const began = performance.now()
      const text = Markdown.render({ ...report, calls })
      assert.isAbove(text.length, 1_000_000)
      assert.isBelow(performance.now() - began, 5_000)
    }))
})
