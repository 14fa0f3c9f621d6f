/**
 * `owf artifacts RUN_ID`: lists the files of a run.
 */
import * as Effect from "effect/Effect"
import * as Records from "../../domain/Records.ts"
import { RunFiles } from "../../store/RunFiles.ts"
import { RunStore } from "../../store/RunStore.ts"
import * as Format from "../Format.ts"
import { note, print, printJson } from "../Output.ts"
import * as Spec from "../Spec.ts"
import { encode, findRun, reading, runId, withStore } from "./shared.ts"

/**
 * Lists the files of a run.
 * @category constructors
 * @since 0.1.0
 */
export const artifacts = Spec.make({
  name: "artifacts",
  summary: "List the files of a run",
  positional: runId,
  examples: ["owf artifacts latest", "owf artifacts latest --json"],
  flags: reading
}, ({ home, json }, id) =>
  withStore(
    home,
    Effect.gen(function*() {
      const run = yield* findRun(id)
      const store = yield* RunStore
      const directory = (yield* RunFiles).directory(run.id)
      const found = yield* store.artifacts(run.id)
      if (json) return yield* printJson(found.map((artifact) => encode(Records.Artifact, artifact)))
      if (found.length === 0) return yield* note(`Run ${run.id} has no files.`)
      yield* print(Format.table(found.map((artifact) => [
        artifact.kind,
        artifact.callId === null ? "" : artifact.callId.slice(artifact.callId.lastIndexOf("_") + 1),
        String(artifact.sizeBytes).padStart(8),
        `${directory}/${artifact.path}`
      ])))
    })
  ))
