// Makes calls in worktrees from a process of its own: calls.mjs REPOSITORY HOME RUN FIRST COUNT
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Supervisor from "../../dist/internal/subprocess/Supervisor.js"
import * as GitWorktree from "../../dist/worktree/GitWorktree.js"
import { Worktree } from "../../dist/worktree/Worktree.js"

const [cwd, home, run, first, count] = process.argv.slice(2)
const environment = { PATH: process.env.PATH ?? "", HOME: "/nonexistent" }

const call = (index) =>
  Effect.scoped(Effect.gen(function*() {
    const worktree = yield* Worktree
    const name = `${run}_call_${String(index).padStart(4, "0")}`
    const tree = yield* worktree.acquire({ run, call: name, attempt: 1, base: { _tag: "Head" } })
    Fs.writeFileSync(Path.join(tree.root, "own.txt"), `${index}\n`)
    const { changes } = yield* worktree.collect(tree)
    return changes.length
  }))

const indexes = Array.from({ length: Number(count) }, (_, index) => Number(first) + index)
const made = Effect.forEach(indexes, call, { concurrency: "unbounded" }).pipe(
  Effect.provide(GitWorktree.layer({ cwd, home, environment })),
  Effect.provide(Layer.merge(Supervisor.layer, NodeContext.layer))
)
process.stdout.write(JSON.stringify(await Effect.runPromise(made)))
