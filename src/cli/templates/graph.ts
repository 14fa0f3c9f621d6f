/**
 * The template `graph`.
 */

/**
 * A graph: a list, an agent for each item, a report, a branch.
 * @category constructors
 * @since 0.1.0
 */
export const graph = (name: string): string =>
  `# Reviews each file of a list at the same time, writes a report, and ends by what the report says.
name: ${JSON.stringify(name)}
description: Review each file of a list, then report

vars:
  files: [README.md, LICENSE]
types:
  files: list<string>
limits:
  transitions: 100
  wall_clock: 1 day

start: each
nodes:
  - id: each
    type: for_each
    items: files
    as: file
    concurrency: 4
    output: reviews
    nodes:
      - id: review
        type: agent
        prompt_text: |
          Review {{ file }} ({{ file_index + 1 }} of {{ files | length }}).
        write_scope: []
        outputs:
          - {key: verdict, type: "enum(good, bad)"}
          - {key: findings, type: list<string>}
        next: end
    next: report

  - id: report
    type: agent
    prompt_text: |
      Write a report from these reviews.
      {% for review in reviews %}
      - {{ files[loop.index0] }}: {{ review.verdict }}{% for finding in review.findings %}; {{ finding }}{% endfor %}
      {% endfor %}
    write_scope: []
    outputs:
      - {key: report, type: string}
      - {key: publish, type: bool}
    next: decide

  - id: decide
    type: branch
    when:
      - {if: publish, next: done}
    default: kept

  - {id: done, type: terminal, message: "{{ report }}"}
  - {id: kept, type: terminal, message: The report says not to publish it.}
`
