import * as Fs from "node:fs"
import * as Path from "node:path"
import { root } from "../lib/node.ts"
import { repositoryWith } from "../lib/repository.ts"
import { fencesOf } from "./fences.ts"

/** What documents take to be there without showing it. */
const common = {
  "README.md": "# A project\n",
  LICENSE: "MIT\n",
  "src/a.ts": "export const a = 1\n",
  "docs/a.md": "# A\n",
  "flow.ts": `import * as Schema from "effect/Schema"
import { agent, phase, Workflow } from "open-agent-workflows"

export default Workflow.make({
  name: "flow",
  phases: ["ask"],
  args: Schema.Struct({
    topic: Schema.optionalWith(Schema.String, { default: () => "tests" }),
    depth: Schema.optionalWith(Schema.Number, { default: () => 1 })
  })
}, function*({ depth, topic }) {
  yield* phase("ask")
  return (yield* agent(\`About \${topic}, \${depth} deep.\`, { label: topic, readScope: [] })).text
})
`,
  "flow.yaml": `name: graph
vars: {topic: tests}
start: ask
nodes:
  - {id: ask, type: agent, prompt_text: "About {{ topic }}.", write_scope: [], next: done}
  - {id: done, type: terminal}
`
}

/** A repository in which a document's commands can be run: with the files it shows, and those it takes for granted. */
export const directoryOf = (file: string): string => {
  const shown = fencesOf(file).flatMap(({ code, name }) => name === undefined ? [] : [[name, code] as const])
  const directory = repositoryWith({ ...common, ...Object.fromEntries(shown) })
  Fs.symlinkSync(Path.join(root, "examples"), Path.join(directory, "examples"))
  return directory
}
