import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Path from "node:path"
import { Subprocess } from "../../src/internal/subprocess/Subprocess.ts"
import * as Supervisor from "../../src/internal/subprocess/Supervisor.ts"
import * as GitWorktree from "../../src/worktree/GitWorktree.ts"
import { Worktree } from "../../src/worktree/Worktree.ts"
import { directoryWith } from "../lib/node.ts"
import { repositoryWith } from "../lib/repository.ts"
import * as Lab from "./lab.ts"

/** Worktrees, and the number of processes that were started for them since it was last asked. */
const counting = (cwd: string) => {
  let count = 0
  const subprocess = Layer.effect(
    Subprocess,
    Effect.map(Subprocess, (real) =>
      Subprocess.of({
        ...real,
        run: (command, sink) => {
          count += 1
          return real.run(command, sink)
        }
      }))
  ).pipe(Layer.provide(Supervisor.layer))
  const layer = GitWorktree.layer({ cwd, home: directoryWith({}), environment: Lab.environment }).pipe(
    Layer.provide(Layer.merge(subprocess, NodeContext.layer))
  )
  const counted = <A, E, R>(self: Effect.Effect<A, E, R>) =>
    Effect.suspend(() => {
      count = 0
      return Effect.map(self, () => count)
    })
  return { layer, counted }
}

describe.skipIf(!Lab.hasGit)("the number of processes of git", () => {
  it.scopedLive("is small for a call in a worktree, from making the tree to removing or keeping it", () =>
    Effect.gen(function*() {
      const { counted, layer } = counting(repositoryWith({ "a.txt": "a\n" }))
      yield* Effect.provide(
        Effect.gen(function*() {
          assert.isAtMost(yield* counted(Lab.work(() => {})), 21)
          assert.isAtMost(yield* counted(Lab.work(() => {}, {}, 2)), 17)
          const changed = (path: string) => Lab.write(Path.join(path, "new.txt"), "new\n")
          assert.isAtMost(yield* counted(Lab.work(changed, {}, 3)), 17)
        }),
        layer
      )
    }))

  it.scopedLive("is smaller for a call in place, and depends on what changed and not on what there is", () =>
    Effect.gen(function*() {
      const files = Array.from({ length: 500 }, (_, index) => [`d${index % 10}/f${index}.txt`, `${index}\n`] as const)
      const repository = repositoryWith(Object.fromEntries(files))
      const { counted, layer } = counting(repository)
      yield* Effect.provide(
        Effect.gen(function*() {
          const { snapshot } = yield* Worktree
          assert.isAtMost(yield* counted(snapshot), 4)
          assert.isAtMost(yield* counted(snapshot), 1)
          const before = yield* snapshot
          assert.isAtMost(yield* counted(before.changes), 2)
          Lab.write(Path.join(repository, "new.txt"), "new\n")
          assert.isAtMost(yield* counted(before.changes), 6)
        }),
        layer
      )
    }))
})
