import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import type { FlowContext, Json } from "../../src/graph/Flow.ts"
import * as Template from "../../src/graph/Template.ts"
import data from "../fixtures/jinja/cases.json" with { type: "json" }

const at = { file: "prompt.md", line: 1, column: 1 }
const context: FlowContext = data.context

const compiled = (source: string, options?: Template.CompileOptions) =>
  Either.getOrThrow(Template.compile({ source, at }, options))
const problem = (source: string) => Either.getOrThrow(Either.flip(Template.compile({ source, at })))
const render = (source: string, values: FlowContext = context, options?: Template.RenderOptions) =>
  Template.render(compiled(source), values, options)
const text = (source: string, values: FlowContext = context, options?: Template.RenderOptions) =>
  Effect.map(render(source, values, options), ({ text }) => text)
const error = (source: string, values: FlowContext = context, options?: Template.RenderOptions) =>
  Effect.flip(render(source, values, options))
const warnings = (source: string, values: FlowContext = context) =>
  Effect.map(render(source, values), ({ warnings }) => warnings.map(({ at, name }) => [name, at.line, at.column]))

/** Whatever happens, in one word. */
const outcome = (source: string, values: FlowContext = context, options?: Template.RenderOptions) =>
  Either.match(Template.compile({ source, at }), {
    onLeft: () => "problem",
    onRight: (template) =>
      Effect.runSync(Effect.match(Template.render(template, values, options), {
        onFailure: ({ reason }) => reason,
        onSuccess: ({ text }) => text
      }))
  })

const decode = Schema.decodeSync(Schema.parseJson())

describe("as Jinja in Python", () => {
  it.effect.each(data.cases)("renders $source", ({ python, source }) =>
    Effect.gen(function*() {
      assert.strictEqual(yield* text(source, context, { values: "python" }), python)
    }))

  it.effect.each(data.differences)("differs on purpose: $what", ({ ours, python, source }) =>
    Effect.gen(function*() {
      assert.strictEqual(yield* text(source, context, { values: "python" }), ours)
      assert.notStrictEqual(ours, python)
    }))

  it.effect.each(data.refused.map((source) => ({ source })))("refuses $source", ({ source }) =>
    Effect.gen(function*() {
      const { column, line, reason } = yield* error(source)
      assert.notStrictEqual(reason, "Limit")
      assert.strictEqual(line, 1)
      assert.isAbove(column, 3)
    }))

  it.each(data.malformed)("cannot read %j", (source) => {
    assert.include(problem(source).message, "prompt.md:1:")
  })
})

describe("values", () => {
  it.effect("render as JSON, texts as they are", () =>
    Effect.gen(function*() {
      assert.strictEqual(
        yield* text("{{ v }}|{{ t }}|{{ b }}|{{ n }}|{{ i }}", {
          v: { a: ["x", null, true] },
          t: "x",
          b: true,
          n: null,
          i: 5
        }),
        "{\"a\": [\"x\", null, true]}|x|true|null|5"
      )
    }))

  it("render as JSON that holds the same value", () => {
    FastCheck.assert(FastCheck.property(FastCheck.jsonValue({ maxDepth: 4 }), (value) => {
      const values = { value: [decode(JSON.stringify(value)) as Json] }
      for (const source of ["{{ value }}", "{{ value|tojson }}", "{{ value|tojson(indent=2) }}"]) {
        assert.deepStrictEqual(decode(outcome(source, values)), values.value)
      }
    }))
  })

  it("are rendered once, whatever they hold", () => {
    FastCheck.assert(FastCheck.property(FastCheck.string(), (held) => {
      const evil = `${held}{{ 1 + 1 }}{% if x %}{# c #}`
      assert.strictEqual(outcome("{{ v }}", { v: evil }), evil)
    }))
  })

  it.effect("keep their types on the way to filters and tests", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* text("{{ '5' == 5 }} {{ v is string }} {{ v + 1 }}", { v: 5 }), "false false 6")
    }))
})

describe("what is undefined", () => {
  it.effect("renders as nothing and is reported once by name and place", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* warnings("a {{ gone }}\n{{ gone.deep[0] }} {{ o.zip.zap }} {{ l[9] }}"), [
        ["gone", 1, 6],
        ["o.zip", 2, 23],
        ["l[9]", 2, 39]
      ])
    }))

  it.effect("is reported where it is gone through, joined or changed", () =>
    Effect.gen(function*() {
      const source = "{% for i in q1 %}{% endfor %}{{ q2|join }}{{ q3|upper }}{{ q4 ~ 1 }}{{ q5|length }}"
      assert.deepStrictEqual((yield* warnings(source)).map(([name]) => name), ["q1", "q2", "q3", "q4", "q5"])
    }))

  it.effect("is not reported where it is expected", () =>
    Effect.gen(function*() {
      const source = "{{ a|default(1) }}{{ 1 if b is defined }}{% if c %}{% endif %}{{ d == 1 }}{{ e or 2 }}"
      assert.deepStrictEqual(yield* warnings(source), [])
    }))

  it.effect("is an error in arithmetic, order and calls, with its name", () =>
    Effect.gen(function*() {
      for (const source of ["ok\n  {{ gone + 1 }}", "ok\n  {{ 1 < gone }}", "ok\n  {{ gone.count() }}"]) {
        const failure = yield* error(source)
        assert.deepInclude(failure, { _tag: "TemplateError", reason: "Undefined", file: "prompt.md", line: 2 })
        assert.include(failure.detail, "'gone'")
      }
      assert.strictEqual((yield* error("ok\n  {{ gone + 1 }}")).excerpt, "  {{ gone + 1 }}\n          ^")
    }))
})

describe("YG-6: what a template reaches", () => {
  const inherited = [
    "__proto__",
    "constructor",
    "prototype",
    "toString",
    "valueOf",
    "hasOwnProperty",
    "__class__",
    "length"
  ]

  it.effect.each(inherited.map((name) => ({ name })))("is nothing through $name", ({ name }) =>
    Effect.gen(function*() {
      for (
        const path of [name, `o.${name}`, `o['${name}']`, `s.${name}`, `l.${name}`, `x.${name}`, `o|attr('${name}')`]
      ) {
        assert.strictEqual(yield* text(`{{ ${path} }}`), "")
        assert.strictEqual((yield* error(`{{ ${path}.${name}('return 1')() }}`)).reason, "Undefined")
        assert.strictEqual(yield* text(`{{ [o]|map(attribute='${name}')|join }}`), "")
      }
      assert.strictEqual((yield* error(`{{ o.${name}() }}`)).reason, "TypeMismatch")
    }))

  it.effect("is a field of its own that is called like something inherited", () =>
    Effect.gen(function*() {
      const values = Schema.decodeSync(Schema.parseJson(Schema.Unknown))("{\"o\":{\"__proto__\":1,\"constructor\":2}}")
      assert.strictEqual(yield* text("{{ o.__proto__ }}{{ o.constructor }}", values as FlowContext), "12")
    }))

  it.effect("makes objects that have no prototype of the template's choice", () =>
    Effect.gen(function*() {
      const source = "{% set o = {'__proto__': {'x': 1}} %}{{ o.x }}|{{ o }}|{{ dict(__proto__={'y': 2}).y }}"
      assert.strictEqual(yield* text(source), "|{\"__proto__\": {\"x\": 1}}|")
      assert.isFalse("x" in {} || "y" in {})
    }))

  it.each(["extends 'a'", "import 'a' as b", "from 'a' import b", "block a", "do x()", "call f()"])(
    "is refused: {% %s %}",
    (tag) => {
      assert.strictEqual(problem(`{% ${tag} %}`)._tag, "TemplateProblem")
    }
  )

  it.effect("leaves the context as it is", () =>
    Effect.gen(function*() {
      const before = structuredClone(context)
      yield* text("{% set o = 1 %}{% set x = 2 %}{{ l|sort }}{{ l|reverse }}{{ users|sort(attribute='age') }}")
      assert.include((yield* error("{{ l.append(4) }}")).detail, "'append' would change")
      assert.deepStrictEqual(context, before)
    }))
})

describe("included texts", () => {
  it.effect("are those that were given, and know what is set around them", () =>
    Effect.gen(function*() {
      const includes = new Map([["head.md", compiled("[{{ x }}{{ i }}]{% set i = 9 %}")]])
      const source = "{% for i in l %}{% include 'head.md' %}{{ i }}{% endfor %}"
      assert.deepStrictEqual(compiled(source).includes, [{
        name: "head.md",
        at: { file: "prompt.md", line: 1, column: 17 }
      }])
      assert.strictEqual(yield* text(source, context, { includes }), "[13]3[11]1[12]2")
    }))

  it.effect("are named in errors and warnings of their own", () =>
    Effect.gen(function*() {
      const part = Template.compile({
        source: "a\n{{ gone }}{{ 1 / zero }}",
        at: { file: "part.md", line: 1, column: 1 }
      })
      const includes = new Map([["part.md", Either.getOrThrow(part)]])
      const failure = yield* error("{% include 'part.md' %}", context, { includes })
      assert.deepInclude(failure, { file: "part.md", line: 2, column: 16 })
      const rendered = yield* render("{% include 'part.md' %}", { zero: 1 }, { includes })
      assert.deepStrictEqual(rendered.warnings, [{ name: "gone", at: { file: "part.md", line: 2, column: 4 } }])
    }))

  it.effect("that were not given are an error, unless they may be missing", () =>
    Effect.gen(function*() {
      assert.include((yield* error("{% include '/etc/passwd' %}")).detail, "/etc/passwd")
      assert.strictEqual(yield* text("a{% include 'x' ignore missing %}b"), "ab")
    }))

  it("are named literally", () => {
    assert.include(problem("{% include x %}").detail, "known before it is rendered")
  })

  it("that include themselves end", () => {
    const self = compiled("{% include 'self' %}")
    assert.strictEqual(outcome("{% include 'self' %}", {}, { includes: new Map([["self", self]]) }), "Limit")
  })
})

describe("YG-6: every template ends", () => {
  const many = (count: number, before: string, inner = "1", after = "") =>
    `${before.repeat(count)}${inner}${after.repeat(count)}`

  it.each<[string, string]>([
    ["a long text", "{{ 'a' * 1000000000 }}"],
    [
      "texts that double",
      "{% set n = namespace(s='a') %}{% for i in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}"
    ],
    [
      "lists that double",
      "{% set n = namespace(s=[1]) %}{% for i in range(60) %}{% set n.s = n.s + n.s %}{% endfor %}"
    ],
    [
      "replacements",
      "{% set n = namespace(s='aa') %}{% for i in range(60) %}{% set n.s = n.s|replace('a', n.s) %}{% endfor %}"
    ],
    ["joins", "{% set n = namespace(s='aa') %}{% for i in range(60) %}{% set n.s = range(99)|join(n.s) %}{% endfor %}"],
    ["large ranges", "{{ range(1000000000)|length }}"],
    ["loops in loops", "{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}{% endfor %}"],
    ["empty loops", "{% set l = range(99999) %}{% for a in l %}{% for b in l %}{% endfor %}{% endfor %}"],
    ["macros that call themselves", "{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}"],
    ["wide margins", "{{ 'a\nb'|indent(1000000000) }}"],
    ["wide columns", "{{ 'a'|center(1000000000) }}"],
    ["wide numbers", "{{ '1'.zfill(1000000000) }}"],
    ["large batches", "{{ [1]|batch(1000000000, 0) }}"],
    ["many slices", "{{ [1]|slice(1000000000) }}"],
    [
      "slow searches",
      "{% set a = 'a' * 4000000 %}{% set b = 'b' ~ 'a' * 200000 %}{% for i in range(9) %}{{ b in a }}{% endfor %}"
    ],
    [
      "comparisons",
      "{% set a = 'a' * 9000000 %}{% set b = a|upper|lower %}{% for i in range(99999) %}{{ a == b }}{% endfor %}"
    ]
  ])("with %s", (_, source) => {
    const ended = Effect.runSync(error(source))
    assert.strictEqual(ended.reason, "Limit")
    // the bound that is meant, and not the last one, which is the stack's or that of any text
    assert.match(ended.detail, /makes more than|takes more than|calls are inside of each other|a range has at most/)
  })

  it.each<[string, string]>([
    ["brackets", `{{ ${many(10_000, "(", "1", ")")} }}`],
    ["lists", `{{ ${many(10_000, "[", "1", "]")} }}`],
    ["negations", `{{ ${many(100_000, "not ")} }}`],
    ["signs", `{{ ${many(100_000, "-")} }}`],
    ["sums", `{{ ${many(100_000, "1+")} }}`],
    ["paths", `{{ x${".a".repeat(100_000)} }}`],
    ["filters", `{{ x${"|upper".repeat(100_000)} }}`],
    ["conditions", `{{ 1${" if 1 else 1".repeat(100_000)} }}`],
    ["blocks", many(5_000, "{% if x %}", "1", "{% endif %}")],
    ["characters", "x".repeat(2_000_000)]
  ])("that has too many %s, before it begins", (_, source) => {
    assert.strictEqual(outcome(source), "problem")
  })

  const word = FastCheck.constantFrom(
    ..."{{ }} {% %} {# #} {%- -%} {{- -}} if else elif endif for in endfor set endset macro endmacro with endwith"
      .split(" "),
    ..."filter endfilter raw endraw include x l o s users gone loop range namespace true none not and or is".split(" "),
    ..."( ) [ ] { } . , : | = == < > + - * / // % ** ~ 1 0 2.5 'a' \"b\" upper join map sort default length defined"
      .split(" "),
    "\n",
    "__proto__",
    "constructor"
  )
  it("when it is made of any words", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.array(word, { maxLength: 40 }), (words) => {
        assert.isString(outcome(words.join(" ")))
      }),
      { numRuns: 3_000 }
    )
  })

  const atom = FastCheck.constantFrom(
    "x",
    "l",
    "o",
    "s",
    "gone",
    "users",
    "o.b.c",
    "l[0]",
    "1",
    "'a'",
    "[1, 'b']",
    "none",
    "nested"
  )
  const suffixes = FastCheck.constantFrom(
    ..."|upper |join |length |sort |first |last |reverse |unique |sum |min |max |int |float |round |tojson |list |items |title"
      .split(" "),
    ..."|trim |wordcount |abs |batch(2) |slice(3) |indent |truncate(3) |wordwrap(3) |dictsort |groupby('city') |string"
      .split(" "),
    ..."|map('upper') |select('odd') |map(attribute='name') |default(0) .upper() .items() .split() [0] [1:] [::-1] .a"
      .split(" ")
  )
  const { expression } = FastCheck.letrec<{ expression: string }>((tie) => ({
    expression: FastCheck.oneof(
      { maxDepth: 4 },
      atom,
      FastCheck.tuple(tie("expression"), suffixes).map(([inner, suffix]) => `(${inner})${suffix}`),
      FastCheck.tuple(
        tie("expression"),
        FastCheck.constantFrom("+", "-", "*", "//", "%", "~", "==", "<", "in", "and", "or"),
        tie("expression")
      ).map(([left, operator, right]) => `(${left} ${operator} ${right})`)
    )
  }))
  it("when it is made of any expressions, and gives a text or a typed error", () => {
    FastCheck.assert(
      FastCheck.property(expression, expression, (value, items) => {
        const source = `{% for i in ${items} %}{{ i }}{% if ${value} %}{{ ${value} }}{% endif %}{% endfor %}`
        const ended = outcome(source)
        assert.notStrictEqual(ended, "problem")
        assert.notInclude(ended, "[object Object]")
        assert.notInclude(ended, "function")
      }),
      { numRuns: 2_000 }
    )
  })
})

describe("ends of lines", () => {
  it.each<[string, Template.CompileOptions | undefined, string]>([
    ["a\n", undefined, "a"],
    ["a\n\n", undefined, "a\n"],
    ["a\n", { trailingNewline: "keep" }, "a\n"],
    ["a\r\nb\rc\r\n", { trailingNewline: "keep" }, "a\nb\nc\n"],
    ["\uFEFFa", undefined, "a"]
  ])("of %j with %o", (source, options, expected) => {
    assert.strictEqual(Effect.runSync(Template.render(compiled(source, options), {})).text, expected)
  })

  it.effect("are kept for a prompt that is a file, and one is dropped for a prompt in the graph", () =>
    Effect.gen(function*() {
      const template = { source: "Do {{ x }}.\n", at }
      const file = yield* Template.compilePrompt({ template, file: "/w/prompt.md" })
      const inline = yield* Template.compilePrompt({ template, file: null })
      assert.strictEqual((yield* Template.render(file, context)).text, "Do 1.\n")
      assert.strictEqual((yield* Template.render(inline, context)).text, "Do 1.")
    }))
})

describe("problems", () => {
  it("name file, line and column, and show the place", () => {
    const { column, excerpt, file, line, message } = problem("one\ntwo {{ x | uper }}\n")
    assert.deepStrictEqual([file, line, column], ["prompt.md", 2, 12])
    assert.strictEqual(excerpt, "two {{ x | uper }}\n           ^")
    assert.strictEqual(message, `prompt.md:2:12: there is no filter 'uper'; did you mean 'upper'?\n${excerpt}`)
  })

  it("are placed in the file a text stands in", () => {
    const inline = { source: "{{ a.. }}", at: { file: "flow.yaml", line: 7, column: 13 } }
    assert.deepInclude(Either.getOrThrow(Either.flip(Template.compile(inline))), {
      file: "flow.yaml",
      line: 7,
      column: 18
    })
  })
})

describe("names", () => {
  it("are those the context has to give, each once", () => {
    const source = `{{ a.b }}{{ a }}{% for i in items if i.ok %}{{ i }}{{ loop.index }}{% endfor %}
      {% set s = c %}{{ s }}{{ d|default(e) }}{{ f is defined }}{% macro m(p) %}{{ p ~ g }}{% endmacro %}{{ m(range(h)) }}`
    assert.deepStrictEqual(compiled(source).names.map(({ name }) => name), ["a", "items", "c", "e", "g", "h"])
  })
})
