/** Graphs for what their programs have to get right; each is written beside `p.md` and `s.sh`. */
export const graphs: Readonly<Record<string, string>> = {
  "loops within loops": `
vars: {tries: 0, names: [a, b, c]}
types: {tries: int, names: list<string>}
nodes:
  - {id: plan, type: agent, prompt_text: "Plan {{ tries }}", outputs: [{key: ok, type: bool}, {key: step, type: int}], next: is_ok}
  - {id: is_ok, type: branch, path: ok, cases: {true: work}, default: plan}
  - {id: work, type: agent, prompt_text: "Work on {{ step + 1 }} of {{ names }}", outputs: [{key: verdict, type: "enum(good, bad, ugly)"}], next: judge}
  - {id: judge, type: branch, path: verdict, cases: {good: done, bad: work}, default: plan}
  - {id: done, type: terminal}
`,
  "jumps into the middle of loops": `
nodes:
  - {id: a, type: agent, prompt_text: A, outputs: [{key: way, type: "enum(b, c, d)"}], next: choose}
  - {id: choose, type: branch, path: way, cases: {b: b, c: c}, default: d}
  - {id: b, type: agent, prompt_text: "B {{ way }} {{ n }}", outputs: [{key: n, type: int}], next: after_b}
  - {id: after_b, type: branch, when: [{if: n > 0, next: c}], default: d}
  - {id: c, type: agent, prompt_text: "C {{ n }}", outputs: [{key: ok, type: bool}], next: after_c}
  - {id: after_c, type: branch, path: ok, cases: {True: b}, default: d}
  - {id: d, type: agent, prompt_text: "D {{ n }} {{ ok }}", outputs: [{key: end_it, type: bool}], next: after_d}
  - {id: after_d, type: branch, path: end_it, cases: {true: done, false: a}}
  - {id: done, type: terminal, message: "{{ way }}"}
`,
  "ways that cross": `
nodes:
  - {id: one, type: agent, prompt_text: One, outputs: [{key: x, type: bool}], next: two}
  - {id: two, type: branch, path: x, cases: {true: left}, default: right}
  - {id: left, type: agent, prompt_text: Left, outputs: [{key: y, type: bool}], next: three}
  - {id: three, type: branch, path: y, cases: {true: right}, default: last}
  - {id: right, type: agent, prompt_text: "Right {{ y }}", outputs: [note], next: last}
  - {id: last, type: agent, prompt_text: "Last {{ note }} {{ y }}", next: done}
  - {id: done, type: terminal}
`,
  "names that are no names of TypeScript": `
name: class
vars: {class: "x", agent: 1, yield: [1], args: y, String: z}
types: {class: string, agent: int, yield: "list<int>", args: string, String: string}
nodes:
  - id: phase
    type: agent
    prompt_text: "{{ class }} {{ agent }} {{ args }} {{ String }}"
    outputs: [{key: new, type: string}, {key: some key, type: "{a_b: int}"}, {key: constructor, type: int}]
    next: 2-nd
  - id: 2-nd
    type: agent
    prompt_text: "\`\${new}\` \\\\ {{ new }} Effect.gen FlowKit.json \u2028 \\"quoted\\" */ {{ constructor }}"
    outputs: [{key: return, type: bool}]
    next: switch
  - {id: switch, type: branch, path: return, cases: {true: done, false: default}}
  - {id: default, type: agent, prompt_text: "{{ yield }}\\r\\nend", next: done}
  - {id: done, type: terminal}
`,
  "bodies that set what is around them": `
vars: {report: none, files: [a, b]}
types: {report: string, files: list<string>}
nodes:
  - id: each
    type: for_each
    items: files
    concurrency: 2
    output: results
    nodes:
      - {id: write, type: agent, prompt_text: "Write {{ item }} after {{ report }}", outputs: [{key: report, type: string}, {key: again, type: bool}], next: more}
      - {id: more, type: branch, path: again, cases: {true: rewrite}, default: end}
      - {id: rewrite, type: agent, prompt_text: "Rewrite {{ report }} {{ extra }} of {{ item_index }}", outputs: [extra], next: check}
      - {id: check, type: branch, when: [{if: exists(extra) and item_index < 1, next: end}], default: last}
      - {id: last, type: agent, prompt_text: "{{ report }} {{ files[item_index] }}", next: end}
    next: both
  - id: both
    type: parallel
    branches:
      - - {id: left, type: agent, prompt_text: "Left {{ report }}", outputs: [{key: report, type: int}], next: end}
      - - {id: right, type: agent, prompt_text: "Right {{ report }}", outputs: [{key: maybe, type: bool}], next: perhaps}
        - {id: perhaps, type: branch, path: maybe, cases: {true: sure}, default: end}
        - {id: sure, type: agent, prompt_text: "Sure {{ report }}", outputs: [{key: sure, type: string}], next: end}
    next: sum
  - {id: sum, type: agent, prompt_text: "Sum {{ report }} {{ results }} {{ sure }}", next: done}
  - {id: done, type: terminal}
`,
  "turns, retries and values that stand in": `
vars: {left: 3}
types: {left: int}
values: python
nodes:
  - id: again
    type: while
    condition: left > 0 and not default(stop, false)
    max_turns: 4
    nodes:
      - id: shrink
        type: agent
        prompt_text: "Turn {{ turn }} of {{ left }}, try {{ retry }}, {{ node_timeout_min }} min, {{ [true] }}"
        retry: {attempts: 2, delay: 20ms}
        recover: none
        on_exhausted: default
        outputs: [{key: left, type: int, default: 0}, {key: stop, type: bool, default: true}, {key: note, type: string}]
        next: enough
      - {id: enough, type: branch, when: [{if: stop == true, next: end}, {if: left == 1 or turn >= 3, next: other}], default: end}
      - {id: other, type: agent, prompt_text: "Other {{ turn }} {{ note }}", timeout: 90s, next: end}
    next: value
  - {id: value, type: branch, path: left, cases: {"0": zero}, conditions: [{op: ">", value: 2, next: many}, {op: "==", value: "1.0", next: zero}], default: zero}
  - {id: many, type: branch, path: left, conditions: [{op: ">=", value: 5, next: zero}, {op: "!=", value: 7, next: done}], default: done}
  - {id: zero, type: agent, prompt_text: "Zero {{ note }}", next: done}
  - {id: done, type: terminal}
`,
  "the same value decided again and again": `
nodes:
  - {id: ask, type: agent, prompt_text: Ask, outputs: [{key: kind, type: "enum(a, b, c)"}, {key: size, type: number}], next: first}
  - {id: first, type: branch, path: kind, cases: {a: is_a}, default: second}
  - {id: second, type: branch, path: kind, cases: {a: never, b: is_b}, default: third}
  - {id: third, type: branch, when: [{if: "kind == 'a' or kind != 'c'", next: never}, {if: size == 3, next: is_b}], default: fourth}
  - {id: fourth, type: branch, when: [{if: size == 3 or size > 5, next: is_a}, {if: "kind in ['c', 'd']", next: is_b}], default: is_a}
  - {id: is_a, type: agent, prompt_text: "{{ kind }} {{ size }}", next: done}
  - {id: is_b, type: agent, prompt_text: "b {{ kind | upper }}", next: done}
  - {id: never, type: fail, message: "{{ kind }}"}
  - {id: done, type: terminal}
`,
  "a loop that is bounded by its transitions": `
limits: {transitions: 12, wall_clock: 1 hour}
nodes:
  - {id: ping, type: agent, prompt_text: Ping, outputs: [{key: stop, type: string}], next: is_done}
  - {id: is_done, type: branch, path: stop, cases: {"yes": done}, default: ping}
  - {id: done, type: terminal}
`,
  "waits in bodies that come again": `
vars: {list: [1, 2]}
types: {list: "list<int>"}
nodes:
  - id: each
    type: for_each
    items: list
    nodes:
      - {id: ask, type: wait, approval: "Go on with {{ item }}?", output: said, next: then}
      - {id: then, type: branch, path: said.approved, cases: {true: go}, default: end}
      - {id: go, type: agent, prompt_text: "Go {{ item }} {{ said.message }}", next: end}
    next: pause
  - {id: pause, type: wait, for: 20ms, output: waited, next: again}
  - {id: again, type: agent, prompt_text: "Again {{ waited.waited_ms }}", outputs: [{key: again, type: bool}], next: or_not}
  - {id: or_not, type: branch, path: again, cases: {true: each}, default: gate}
  - {id: gate, type: wait, approval: true, next: done}
  - {id: done, type: terminal}
`,
  "more than a context holds": `
vars: {list: [1, 2]}
nodes:
  - {id: one, type: agent, prompt_text: "Much one", outputs: [{key: a, type: string}], next: again}
  - {id: again, type: agent, prompt_text: "Much again", outputs: [{key: a, type: string}], next: apart}
  - id: apart
    type: for_each
    items: list
    nodes: [{id: much, type: agent, prompt_text: "Much {{ item }}", outputs: [{key: b, type: string}], next: end}]
    next: little
  - {id: little, type: agent, prompt_text: Little, outputs: [{key: c, type: string}], next: each}
  - id: each
    type: for_each
    items: list
    output: all
    nodes: [{id: more, type: agent, prompt_text: "Much {{ item }} more", outputs: [{key: d, type: string}], next: end}]
    next: done
  - {id: done, type: terminal}
`,
  "values that have no order, and turns that are bounded": `
nodes:
  - {id: ask, type: agent, prompt_text: Ask, outputs: [any, {key: size, type: "int | string"}], next: by_any}
  - {id: by_any, type: branch, path: any, conditions: [{op: ">", value: 3, next: big}, {op: "<", value: b, next: small}], default: by_size}
  - {id: by_size, type: branch, when: [{if: size == 1, next: big}], path: size, cases: {"0": small}, conditions: [{op: "<=", value: x, next: big}], default: nowhere}
  - {id: nowhere, type: branch, path: any.deep.down, cases: {x: big}, default: turns}
  - {id: big, type: agent, prompt_text: Big, next: turns}
  - {id: small, type: agent, prompt_text: Small, next: turns}
  - id: turns
    type: while
    condition: turn < 5
    max_turns: 3
    nodes: [{id: turn_by, type: branch, path: any, conditions: [{op: ">=", value: 1, next: said}], default: end}, {id: said, type: agent, prompt_text: "Say {{ turn }}", next: end}]
    next: lost
  - {id: lost, type: branch, path: gone, cases: {x: done}}
  - {id: done, type: terminal}
`,
  "nothing but an end": `
nodes:
  - {id: done, type: fail, message: "no"}
`
}
