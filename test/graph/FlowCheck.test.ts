import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { describe, expect } from "vitest"
import type { Files } from "./flowFiles.ts"
import { around, loaded, problemsOf } from "./flowFiles.ts"

type Case = readonly [name: string, graph: string, others?: Files]

const agent = "{id: a, type: agent, prompt: p.md, next: done}"
const done = "{id: done, type: terminal}"
const nodes = (...lines: ReadonlyArray<string>) => `start: a\nnodes:\n${lines.map((line) => `  - ${line}\n`).join("")}`
const branch = (fields: string, head = "") =>
  `${head}start: a\nnodes:\n  - id: a\n    type: branch\n    ${fields}\n  - ${done}\n`
const script = (fields: string) => around(`id: a\ntype: script\nscript: s.sh\nnext: done\n${fields}`)
const run = (program: string, args: string) =>
  around(`id: a\ntype: script\nscript: /bin/${program}\nargs: ${args}\nnext: done`)
const programs: Files = Object.fromEntries(
  ["bash", "sh", "python3", "node", "env", "sudo", "ssh", "perl", "git"].map((
    name
  ) => [`/bin/${name}!`, "#!/bin/true\n"])
)

/** What the first engine let through, or ended with a traceback (its validation table), and what it told. */
const firstEngine: ReadonlyArray<Case> = [
  ["a start that names no node", `start: b\nnodes:\n  - ${agent}\n  - ${done}\n`],
  ["a next that names no node", nodes("{id: a, type: agent, prompt: p.md, next: dne}", done)],
  [
    "a case that names no node",
    branch(
      "{path: x, cases: {y: don}, default: done}".slice(1, -1).replace(", ", "\n    ").replace(", d", "\n    d"),
      "vars: {x: y}\n"
    )
  ],
  [
    "a condition that names no node",
    branch("path: x\n    conditions: [{op: ==, value: y, next: nowhere}]\n    default: done", "vars: {x: y}\n")
  ],
  ["a default that names no node", branch("path: x\n    cases: {y: done}\n    default: nowhere", "vars: {x: y}\n")],
  ["an unknown type", nodes("{id: a, type: agnet, prompt: p.md, next: done}", done)],
  ["no type", nodes("{id: a, prompt: p.md, next: done}", done)],
  ["an agent without a prompt", nodes("{id: a, type: agent, next: done}", done)],
  ["a script without a script", nodes("{id: a, type: script, next: done}", done)],
  [
    "an unknown operator",
    branch("path: x\n    conditions: [{op: =<, value: 1, next: done}]\n    default: done", "vars: {x: 1}\n")
  ],
  ["no start", `nodes:\n  - ${agent}\n  - ${done}\n`],
  ["no nodes", "start: a\n"],
  ["an empty list of nodes", "start: a\nnodes: []\n"],
  ["a node without an id", nodes("{type: agent, prompt: p.md, next: done}", done)],
  ["an empty file", ""],
  ["comments only", "# later\n"],
  ["a text instead of a graph", "hello\n"],
  ["a list instead of a graph", "- a\n"],
  ["what is no YAML", "start: [a\nnodes: {\n"],
  ["an agent without next", nodes("{id: a, type: agent, prompt: p.md}", done)],
  ["a script without next", nodes("{id: a, type: script, script: s.sh}", done)],
  ["no end", nodes("{id: a, type: agent, prompt: p.md, next: a}")],
  ["a node that nothing leads to", nodes(agent, "{id: b, type: agent, prompt: p.md, next: done}", done)],
  ["a branch without any way on", branch("path: x", "vars: {x: 1}\n")],
  ["a branch without a default", branch("path: x\n    cases: {1: done}", "vars: {x: 1}\n")],
  ["an id given twice", nodes(agent, "{id: a, type: agent, prompt: p.md, next: done}", done)],
  ["a misspelt field", nodes("{id: a, type: agent, prompt: p.md, timout: 3, next: done}", done)],
  ["a field nobody knows", nodes("{id: a, type: agent, prompt: p.md, colour: red, next: done}", done)],
  ["a missing prompt", nodes("{id: a, type: agent, prompt: prompts/q.md, next: done}", done), {
    "/flows/prompts/r.md": "x"
  }],
  ["a missing script", nodes("{id: a, type: script, script: t.sh, next: done}", done)],
  [
    "an id that leads out",
    nodes("{id: ../../x, type: agent, prompt: p.md, next: done}", done).replace("start: a", "start: ../../x")
  ],
  ["a timeout without end", nodes("{id: a, type: agent, prompt: p.md, timeout: .inf, next: done}", done)],
  ["a key given twice", nodes("{id: a, type: agent, prompt: p.md, next: b, next: done}", done)]
]

const names: ReadonlyArray<Case> = [
  ["an id of 101 characters", nodes(agent, done).replaceAll(/\ba\b/g, "a".repeat(101))],
  ["the id 'end'", nodes(agent, "{id: end, type: terminal}", done)],
  ["'end' outside of a body", nodes("{id: a, type: agent, prompt: p.md, next: end}", done)],
  ["a name with a slash", `name: a/b\n${nodes(agent, done)}`],
  ["misspelt fields at the top", `nmae: x\nvar: {a: 1}\nparams: {}\ncolour: red\n${nodes(agent, done)}`],
  [
    "fields that begin with x-",
    `x-notes: {anything: 1}\n${nodes("{id: a, type: agent, prompt: p.md, x-owner: me, next: done}", done)}`
  ],
  ["run instead of script", nodes("{id: a, type: script, run: \"sh -c 'echo {{ x }}'\", next: done}", done)],
  [
    "__proto__ as an id",
    nodes("{id: __proto__, type: agent, prompt: p.md, next: done}", done).replace("start: a", "start: __proto__")
  ],
  [
    "everything at once",
    "strat: a\nvars: [1]\nlimits: {transitions: many}\nnodes:\n  - {id: a, type: agent, promt: p.md, next: b}\n  - {id: b, type: script, script: x.sh, timeot: 1}\n  - {id: b, type: brnch}\n  - x\n"
  ]
]

const loops: ReadonlyArray<Case> = [
  ["a node that leads to itself", nodes("{id: a, type: agent, prompt: p.md, next: a}", done)],
  [
    "two nodes that lead to each other",
    nodes("{id: a, type: agent, prompt: p.md, next: b}", "{id: b, type: agent, prompt: p.md, next: a}", done)
  ],
  [
    "a loop with a way out",
    nodes(
      "{id: a, type: agent, prompt: p.md, outputs: [x], next: b}",
      "{id: b, type: branch, path: x, cases: {again: a}, default: done}",
      done
    )
  ],
  [
    "a node of a body from outside",
    nodes(
      "{id: a, type: for_each, items: \"[1]\", nodes: [{id: b, type: script, script: s.sh, next: end}], next: b}",
      done
    )
  ],
  [
    "a node outside from a body",
    nodes(
      "{id: a, type: for_each, items: \"[1]\", nodes: [{id: b, type: script, script: s.sh, next: done}], next: done}",
      done
    )
  ],
  [
    "a terminal in a body",
    nodes("{id: a, type: while, condition: \"true\", nodes: [{id: b, type: terminal}], next: done}", done)
  ],
  [
    "the id of a node in a body again",
    nodes(
      "{id: a, type: parallel, branches: [[{id: b, type: script, script: s.sh, next: end}], [{id: b, type: script, script: s.sh, next: end}]], next: done}",
      done
    )
  ],
  ["a loop without nodes", nodes("{id: a, type: while, condition: \"true\", next: done}", done)],
  ["no branches", nodes("{id: a, type: parallel, branches: [], next: done}", done)],
  ["limits of nothing", `limits: {transitions: 0, tokens: -5, usd: 0, wall_clock: 0}\n${nodes(agent, done)}`],
  ["limits that are none", `limits: {transitions: 1.5, wall_clock: soon, turns: 4}\n${nodes(agent, done)}`]
]

const types: ReadonlyArray<Case> = [
  [
    "a variable that is not of its type",
    `vars: {n: three, list: [1]}\ntypes: {n: int, list: "list<string>"}\n${nodes(agent, done)}`
  ],
  ["a type that is none", `vars: {n: 3}\ntypes: {n: integr, m: "list<", o: [int, string]}\n${nodes(agent, done)}`],
  ["a schema that is none", `vars: {n: 3}\nschemas: {n: {type: integr}}\n${nodes(agent, done)}`],
  ["a type and a schema", `types: {n: int}\nschemas: {n: {type: integer}}\n${nodes(agent, done)}`],
  [
    "a default that is not of its type",
    nodes(
      "{id: a, type: agent, prompt: p.md, outputs: [{key: x, type: \"enum(ok, no)\", default: maybe}], next: done}",
      done
    )
  ],
  [
    "a default that fits",
    nodes(
      "{id: a, type: agent, prompt: p.md, outputs: [{key: x, type: \"enum(ok, no)\", default: no}], next: done}",
      done
    )
  ],
  [
    "a case that a type does not have",
    branch(
      "path: x\n    cases: {ok: done, aprove: done}\n    default: done",
      "vars: {x: ok}\ntypes: {x: \"enum(ok, approve)\"}\n"
    )
  ],
  [
    "a value of a type without a case",
    branch("path: x.y\n    cases: {ok: done}", "vars: {x: {y: ok}}\ntypes: {x: {y: \"enum(ok, no)\"}}\n")
  ],
  [
    "a case for every value of a type",
    branch("path: x\n    cases: {true: done, False: done}", "vars: {x: true}\ntypes: {x: bool}\n")
  ],
  [
    "a number compared with a text",
    branch(
      "path: x\n    conditions: [{op: \">\", value: many, next: done}]\n    default: done",
      "vars: {x: 1}\ntypes: {x: int}\n"
    )
  ],
  [
    "comparisons that leave nothing out",
    branch(
      "path: x\n    conditions: [{op: \">=\", value: 10, next: done}, {op: <, value: \"10\", next: done}]",
      "vars: {x: 1}\ntypes: {x: int}\n"
    )
  ],
  [
    "comparisons that leave something out",
    branch("path: x\n    conditions: [{op: \">=\", value: 10, next: done}]", "vars: {x: 1}\ntypes: {x: int}\n")
  ],
  ["when without default", branch("when: [{if: x, next: done}]", "vars: {x: true}\n")],
  ["cases without a path", branch("cases: {a: done}\n    default: done")],
  [
    "words that were booleans and numbers",
    `vars: {a: yes, b: off, c: 010, d: 1_000, e: 12:30, f: "yes", g: 2024-01-02}\n${nodes(agent, done)}`
  ],
  [
    "a default for some outputs",
    nodes("{id: a, type: agent, prompt: p.md, outputs: [{key: x, default: 1}, y], next: done}", done)
  ],
  [
    "outputs that are none",
    nodes("{id: a, type: agent, prompt: p.md, outputs: [{ky: x}, [x], {key: x}, x, __proto__], next: done}", done)
  ]
]

const fields: ReadonlyArray<Case> = [
  [
    "words that a field does not take",
    around(
      "id: a\ntype: agent\nprompt: p.md\nnext: done\nisolation: worktre\nrecover: [retry, wiat]\non_exhausted: stopp"
    )
  ],
  [
    "numbers that a field does not take",
    around(
      "id: a\ntype: agent\nprompt: p.md\nnext: done\ntimeout: -1\nidle_timeout: 3 parsecs\nretry: -1\nbudget: {tokens: 0.5, dollars: 3}"
    )
  ],
  [
    "maps and lists where texts stand",
    around(
      "id: a\ntype: agent\nprompt: {file: p.md}\nnext: [done]\nargs: {x: [1], y: , z: {}}\nmodel: [x]\nwrite_scope: {a: b}"
    )
  ],
  ["a prompt in two places", around("id: a\ntype: agent\nprompt: p.md\nprompt_text: x\nnext: done")],
  ["a text where a file stands", around("id: a\ntype: agent\nprompt: |\n  Do this.\n  Do that.\nnext: done")],
  [
    "templates where nothing is rendered",
    `vars: {x: 1}\n${
      around("id: a\ntype: agent\nprompt: \"{{ x }}.md\"\nmodel: \"{{ x }}\"\nread_scope: [\"{{ x }}\"]\nnext: done")
    }`
  ],
  ["a wait for two things", around("id: a\ntype: wait\nfor: 3\nfile: x\nnext: done")],
  ["a wait for nothing", around("id: a\ntype: wait\nnext: done")],
  ["a wait until no time", around("id: a\ntype: wait\nuntil: tomorrow\nnext: done")],
  [
    "a loop variable that is no name",
    around(
      "id: a\ntype: for_each\nitems: \"[1]\"\nas: my item\nconcurrency: 0\nnodes: [{id: b, type: script, script: s.sh, next: end}]\nnext: done"
    )
  ],
  ["a bad name of a variable", script("env: {\"A-B\": x, C: y}")]
]

const texts: ReadonlyArray<Case> = [
  ["templates that cannot be read", around("id: a\ntype: agent\nprompt: q.md\nargs: {x: \"{{ a b }}\"}\nnext: done"), {
    "/flows/q.md": "One\n{% if %}\n"
  }],
  [
    "names nobody gives",
    `vars: {topic: x}\n${around("id: a\ntype: agent\nprompt: q.md\nargs: {tone: \"{{ tpic }}\"}\nnext: done")}`,
    {
      "/flows/q.md":
        "{{ tone }} {{ topic }} {{ ton }} {{ node_timeout_s }}{{ maybe | default('') }}\n{% for x in range(3) %}{{ x }}{{ loop.index }}{% endfor %}"
    }
  ],
  [
    "expressions that cannot be read",
    branch(
      "when: [{if: \"x ==\", next: done}, {if: \"{{ x | upper }}\", next: done}]\n    default: done",
      "vars: {x: 1}\n"
    )
  ],
  [
    "names an expression misses",
    branch(
      "when: [{if: contt > 1, next: done}, {if: \"default(maybe, 1) > 1\", next: done}]\n    default: done",
      "vars: {count: 1}\n"
    )
  ],
  ["a path to nothing", branch("path: reslt.status\n    cases: {ok: done}\n    default: done", "vars: {result: {}}\n")],
  [
    "a condition on what only the body gives",
    around(
      "id: a\ntype: while\ncondition: not ready\nnodes: [{id: b, type: script, script: s.sh, outputs: [ready], next: end}]\nnext: done"
    )
  ],
  [
    "an item outside of its loop",
    nodes(
      "{id: a, type: for_each, items: \"[1]\", nodes: [{id: b, type: agent, prompt_text: \"{{ item }} {{ item_index }}\", outputs: [x], next: end}], output: all, next: c}",
      "{id: c, type: agent, prompt_text: \"{{ all }} {{ item }} {{ x }}\", next: done}",
      done
    )
  ],
  [
    "an include in a text of the graph",
    around("id: a\ntype: agent\nprompt_text: \"{% include 'p.md' %}\"\nnext: done")
  ],
  [
    "functions, filters and tests that do not exist, in texts of the graph",
    nodes(
      "{id: a, type: script, script: s.sh, args: [\"{{ x | upercase }}\", \"{{ len(x) }}\"], env: {A: \"{{ rnge(3) }}\"}, next: b}",
      "{id: b, type: agent, prompt_text: \"{{ x.uper() }} {{ l | map('trimm') | join }} {{ l | selectattr('n', 'equal') }}\", next: c}",
      "{id: c, type: branch, when: [{if: leng(l) > 1, next: done}], default: d}",
      "{id: d, type: wait, approval: \"{{ strftime() }} {{ x(1) }} {{ x is strin }}\", next: done}",
      done
    ).replace(/^/, "vars: {x: a, l: []}\n")
  ],
  [
    "functions that do not exist, in lines of a text and of a prompt",
    `vars: {x: a}\n${
      around("id: a\ntype: agent\nprompt_text: |\n  Say\n    {{ nope(x) }}\nnext: b")
    }  - {id: b, type: agent, prompt: q.md, next: done}\n`,
    {
      "/flows/q.md":
        "{% macro one(a) %}{{ a }}{% endmacro %}\n{{ one(1) }} {{ on(1) }}\n{% include 'r.md' %}\n{% macro two(a) %}{% endmacro %}",
      "/flows/r.md": "{{ two(1) }}{{ one(2) }}\n {{ three(3) }}"
    }
  ],
  [
    "arguments that filters and tests do not have",
    around(
      "id: a\ntype: agent\nprompt_text: \"{{ 'a' | join(seperator=', ') }}{{ 'a' | upper(1) }}{{ 3 is divisibleby(by=3) }}\"\nnext: done"
    )
  ],
  [
    "everything that can be called",
    `vars: {x: a, l: []}\n${
      around(
        "id: a\ntype: agent\nprompt_text: \"{% set ns = namespace(f=range) %}{% set ns.g = range %}{{ ns.f(1) }}{{ ns.g(1) }}{% set j = joiner() %}{{ j() }}{{ {'h': range}.h(2) }}{% for i in l %}{{ loop.cycle(1, 2) }}{% endfor %}{{ x.upper() }}{{ '%s'|format(x, 1, 2) }}{{ l | map(attribute='a') | map('upper') | select('string') | rejectattr('n') | list }}{{ x.get('a').items() }}{{ '{a}'.format(a=1) }}\"\nnext: done"
      )
    }`
  ],
  ["a missing include", around("id: a\ntype: agent\nprompt: q.md\nnext: done"), {
    "/flows/q.md": "Hello\n  {% include 'r.md' %}{% include 's.md' ignore missing %}\n"
  }]
]

const code: ReadonlyArray<Case> = [
  ["a value in the code of a shell", run("bash", "[-c, \"echo {{ x }}\"]"), programs],
  ["a value in the code of a shell, with options", run("sh", "[-e, -uc, \"{% if x %}ls{% endif %}\"]"), programs],
  ["a value in the code of Python", run("python3", "[-c, \"print('{{ x }}')\"]"), programs],
  ["a value in the code of Node", run("node", "[--eval, \"{{ x }}\"]"), programs],
  ["a value as an option of a shell", run("bash", "[\"{{ x }}\", s.sh]"), programs],
  ["a value behind env and sudo", run("env", "[A=1, sudo, -n, bash, -c, \"{{ x }}\"]"), programs],
  ["a value as the program of env", run("env", "[\"{{ x }}\"]"), programs],
  ["a value in a command of another machine", run("ssh", "[host, \"ls {{ x }}\"]"), programs],
  [
    "a value as the input of a shell",
    `${run("bash", "[-s]").replace("next: done", "input: \"{{ x }}\"\n    next: done")}`,
    programs
  ],
  [
    "values in variables that load code",
    script("env: {PATH: \"{{ x }}\", BASH_ENV: \"{{ x }}\", LD_PRELOAD: /lib/x.so, TITLE: \"{{ x }}\"}")
  ],
  ["a template as the program", around("id: a\ntype: script\nscript: \"{{ x }}.sh\"\nnext: done")],
  ["values as arguments of a script of a shell", run("bash", "[-e, /flows/s.sh, -c, \"{{ x }}\"]"), programs],
  ["values as arguments of other programs", run("git", "[log, --grep, \"{{ x }}\"]"), programs],
  ["code without values", run("bash", "[-c, 'echo \"$1\"', sh, \"{{ x }}\"]"), programs]
].map(([name, graph, others = {}]): Case => [name as string, `vars: {x: 1}\n${graph as string}`, others as Files])

const files: ReadonlyArray<Case> = [
  ["a prompt outside", nodes("{id: a, type: agent, prompt: ../p.md, next: done}", done), { "/p.md": "secret" }],
  ["a prompt by its absolute path", nodes("{id: a, type: agent, prompt: /other/p.md, next: done}", done), {
    "/other/p.md": "x {% include 'q.md' %}{% include '../r.md' %}",
    "/other/q.md": "y"
  }],
  ["a directory as a prompt", nodes("{id: a, type: agent, prompt: prompts, next: done}", done), {
    "/flows/prompts/q.md": "x"
  }],
  ["a prompt of two megabytes", nodes("{id: a, type: agent, prompt: q.md, next: done}", done), {
    "/flows/q.md": "x".repeat(2_097_152)
  }],
  ["a prompt that is no text", nodes("{id: a, type: agent, prompt: q.md, next: done}", done), {
    "/flows/q.md": new Uint8Array([0x50, 0x4b, 3, 4, 0xff])
  }],
  [
    "a script that is not executable",
    nodes("{id: a, type: script, script: t.rb, next: b}", "{id: b, type: script, script: tool, next: done}", done),
    { "/flows/t.rb": "puts 1", "/flows/tool": "#!/bin/sh\n" }
  ],
  ["a script that does not say what runs it", nodes("{id: a, type: script, script: tool, next: done}", done), {
    "/flows/tool!": "echo 1\n"
  }],
  [
    "scripts with Windows line ends",
    nodes("{id: a, type: script, script: tool, next: b}", "{id: b, type: script, script: t.sh, next: done}", done),
    { "/flows/tool!": "#!/bin/sh\r\necho 1\r\n", "/flows/t.sh": "#!/bin/sh\r\necho 1\r\n" }
  ],
  ["an empty script", nodes("{id: a, type: script, script: t.sh, next: done}", done), { "/flows/t.sh": "" }],
  ["a script with spaces in its path", nodes("{id: a, type: script, script: my scripts/t.sh, next: done}", done), {
    "/flows/my scripts/t.sh": "echo"
  }]
]

const child = (fields: string) => nodes(`{id: a, type: workflow, workflow: child.yaml, ${fields}next: done}`, done)
const childGraph =
  "types: {title: string}\nvars: {level: 1}\nstart: a\nnodes:\n  - {id: a, type: terminal, message: \"{{ title }}{{ level }}\"}\n"

const workflows: ReadonlyArray<Case> = [
  ["a missing workflow", child("")],
  ["a workflow that is none", nodes("{id: a, type: workflow, workflow: p.md, next: done}", done)],
  ["arguments a workflow does not take, and one it needs", child("args: {titel: x, level: 2}, "), {
    "/flows/child.yaml": childGraph
  }],
  ["arguments of every kind", `vars: {x: 1}\n${child("args: {title: \"T {{ x }}\", level: \"{{ x + 1 }}\"}, ")}`, {
    "/flows/child.yaml": childGraph
  }],
  ["arguments that cannot be given", child("args: {title: {a: 1}, level: [\"{{ x }}\"]}, "), {
    "/flows/child.yaml": childGraph
  }],
  ["a workflow with problems of its own", child(""), {
    "/flows/child.yaml": "start: b\nnodes: [{id: a, type: terminal}]\n"
  }],
  ["a workflow that runs itself", nodes("{id: a, type: workflow, workflow: flow.yaml, next: done}", done)],
  ["workflows that run each other", child(""), {
    "/flows/child.yaml":
      "start: a\nnodes:\n  - {id: a, type: workflow, workflow: flow.yaml, next: b}\n  - {id: b, type: terminal}\n"
  }]
]

const groups: ReadonlyArray<readonly [string, ReadonlyArray<Case>]> = [
  ["what the first engine let through", firstEngine],
  ["names", names],
  ["ways", loops],
  ["types", types],
  ["fields", fields],
  ["texts", texts],
  ["values and code", code],
  ["files", files],
  ["workflows", workflows]
]

describe("YG-3, YG-9, YG-12: what is told of graphs that are wrong", () => {
  for (const [title, cases] of groups) {
    it.effect(`${title}: every message is that of the golden file`, () =>
      Effect.gen(function*() {
        const parts = yield* Effect.forEach(cases, ([name, graph, others]) =>
          Effect.map(problemsOf(graph, others), (problems) =>
            `# ${name}\n${
              problems.length === 0 ? "(nothing)\n" : problems.map((problem) =>
                `${problem}\n`
              ).join("")
            }`))
        const file = `../golden/graphs/${title.replaceAll(" ", "-")}.txt`
        yield* Effect.promise(() => expect(parts.join("\n")).toMatchFileSnapshot(file))
      }))
  }

  for (const [name, graph, others] of firstEngine) {
    it.effect(`has something to tell of ${name}`, () =>
      Effect.gen(function*() {
        const problems = yield* problemsOf(graph, others)
        assert.isAbove(problems.length, 0)
        for (const problem of problems) assert.match(problem, /^[^:]+:\d+:\d+: \S/)
      }))
  }

  it.effect("tells everything of a graph at once, each with its line", () =>
    Effect.gen(function*() {
      const graph = names.find(([name]) => name === "everything at once")?.[1] ?? ""
      const problems = yield* problemsOf(graph)
      const lines = problems.map((problem) => Number(problem.split(":")[1]))
      assert.deepStrictEqual([...new Set(lines)], [1, 2, 3, 5, 6, 7, 8])
    }))
})

describe("values that may stand in for an agent's", () => {
  const exhausted = (fields: string) =>
    Effect.map(loaded(nodes(`{id: a, type: agent, prompt: p.md, ${fields}next: done}`, done)), ({ nodes }) => {
      const node = nodes.get("a")
      return node?.type === "agent" ? node.onExhausted : undefined
    })

  it.effect("stand in where every output has a default, or the node says so", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* exhausted(""), "stop")
      assert.strictEqual(yield* exhausted("outputs: [x], "), "stop")
      assert.strictEqual(yield* exhausted("outputs: [{key: x, default: null}], "), "default")
      assert.strictEqual(yield* exhausted("outputs: [{key: x, default: 1}, y], "), "stop")
      assert.strictEqual(yield* exhausted("outputs: [x], on_exhausted: default, "), "default")
      assert.strictEqual(yield* exhausted("outputs: [{key: x, default: 1}], on_exhausted: stop, "), "stop")
    }))
})

describe("YG-9: defaults that lead to where something is changed", () => {
  const graph = (fields: string, branching: string, target: string) =>
    nodes(
      `{id: a, type: agent, prompt: p.md, ${fields}next: kind}`,
      `{id: kind, type: branch, ${branching}}`,
      target,
      done
    )
  const output = "outputs: [{key: decision, type: string, default: go}], "
  const path = "path: decision, cases: {go: b}, default: done"
  const script = "{id: b, type: script, script: s.sh, next: done}"
  const warned = (text: string) =>
    Effect.map(problemsOf(text), (problems) => problems.filter((problem) => problem.includes("without an answer")))
  const risky: ReadonlyArray<readonly [name: string, text: string, what: RegExp]> = [
    [
      "a script",
      graph(output, path, script),
      /f(?:low)?\.yaml:3:5.*defaults of node 'a' lead to node 'b', which runs a script/
    ],
    [
      "an agent that changes files",
      graph(output, path, "{id: b, type: agent, prompt: p.md, write_scope: [src], next: done}"),
      /changes files/
    ],
    [
      "an agent in a worktree",
      graph(output, path, "{id: b, type: agent, prompt: p.md, isolation: worktree, next: done}"),
      /in a worktree/
    ],
    [
      "a script, by an expression",
      graph(output, "when: [{if: \"decision == 'go'\", next: b}], default: done", script),
      /runs a script/
    ]
  ]
  for (const [name, text, what] of risky) {
    it.effect(`are warned of: ${name}`, () =>
      Effect.gen(function*() {
        const found = yield* warned(text)
        assert.strictEqual(found.length, 1)
        assert.match(found[0] ?? "", what)
        assert.include(found[0] ?? "", "warning")
      }))
  }

  const harmless: ReadonlyArray<readonly [name: string, text: string]> = [
    ["lead elsewhere", graph("outputs: [{key: decision, type: string, default: stop}], ", path, script)],
    ["never stand in", graph(output + "on_exhausted: stop, ", path, script)],
    [
      "are not what decides",
      graph(output, "path: x, cases: {go: b}, default: done", script).replace("start", "vars: {x: go}\nstart")
    ],
    [
      "lead to an agent that only reads",
      graph(output, path, "{id: b, type: agent, prompt: p.md, write_scope: [], next: done}")
    ],
    [
      "meet a branch that asks for more",
      graph(output, "when: [{if: decision == 'go' and x > 1, next: b}], default: done", script).replace(
        "start",
        "vars: {x: 2}\nstart"
      )
    ]
  ]
  for (const [name, text] of harmless) {
    it.effect(`are not warned of where they ${name}`, () =>
      Effect.map(warned(text), (found) => assert.deepStrictEqual(found, [])))
  }
})

describe("times", () => {
  const millis = (timeout: string) =>
    Effect.map(loaded(nodes(`{id: a, type: agent, prompt: p.md, ${timeout}next: done}`, done)), ({ nodes }) => {
      const node = nodes.get("a")
      return node?.type === "agent" ? node.timeoutMs : undefined
    })

  it.effect("are seconds, or have units; none and 0 leave it to the run, and an agent has 20 minutes otherwise", () =>
    Effect.gen(function*() {
      const written: ReadonlyArray<readonly [string, number | null]> = [
        ["", 1_200_000],
        ["timeout: 90, ", 90_000],
        ["timeout: \"90\", ", 90_000],
        ["timeout: 0.5, ", 500],
        ["timeout: 20 minutes, ", 1_200_000],
        ["timeout: 1h 30m, ", 5_400_000],
        ["timeout: 2 days, ", 172_800_000],
        ["timeout: 250ms, ", 250],
        ["timeout: 0, ", null],
        ["timeout: null, ", null],
        ["timeout: , ", null]
      ]
      for (const [text, expected] of written) assert.strictEqual(yield* millis(text), expected, text)
    }))
})
