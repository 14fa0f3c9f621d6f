import { SystemError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as FlowError from "../../src/graph/FlowError.ts"
import * as FlowFile from "../../src/graph/FlowFile.ts"

export type Files = { readonly [path: string]: string | Uint8Array }

/** Where the graph of a test is. */
export const graphFile = "/flows/flow.yaml"

const encoder = new TextEncoder()

/** A file system that holds these files and nothing else; what ends in `!` is executable. */
export const layer = (files: Files): Layer.Layer<FileSystem.FileSystem | Path.Path> => {
  const known = new Map(
    Object.entries(files).map(([path, content]) => [
      path.replace(/!$/, ""),
      {
        bytes: typeof content === "string" ? encoder.encode(content) : content,
        mode: path.endsWith("!") ? 0o755 : 0o644
      }
    ])
  )
  const find = (path: string) => {
    const found = known.get(path)
    return found === undefined
      ? Effect.fail(
        new SystemError({ reason: "NotFound", module: "FileSystem", method: "stat", pathOrDescriptor: path })
      )
      : Effect.succeed(found)
  }
  const beside = (path: string) =>
    [...known.keys()].filter((file) => file.startsWith(`${path}/`)).map((file) => file.slice(path.length + 1))
  const nothing = Option.none()
  return Layer.merge(
    Path.layer,
    FileSystem.layerNoop({
      stat: (path) =>
        beside(path).length > 0
          ? Effect.succeed(infoOf("Directory", 0o755, 0))
          : Effect.map(find(path), ({ bytes, mode }) => infoOf("File", mode, bytes.length)),
      readFile: (path) => Effect.map(find(path), ({ bytes }) => bytes),
      realPath: (path) => beside(path).length > 0 ? Effect.succeed(path) : Effect.as(find(path), path),
      readDirectory: (path) =>
        beside(path).length > 0
          ? Effect.succeed(beside(path).filter((name) => !name.includes("/")))
          : Effect.as(find(path), [])
    })
  )
  function infoOf(type: "Directory" | "File", mode: number, size: number): FileSystem.File.Info {
    const times = { mtime: nothing, atime: nothing, birthtime: nothing }
    const none = {
      ino: nothing,
      nlink: nothing,
      uid: nothing,
      gid: nothing,
      rdev: nothing,
      blksize: nothing,
      blocks: nothing
    }
    return { type, mode, size: FileSystem.Size(size), dev: 0, ...times, ...none }
  }
}

/** A graph with the files beside it; `p.md` and `s.sh` are always there. */
export const filesOf = (graph: string | Uint8Array, others: Files = {}): Files => ({
  [graphFile]: graph,
  "/flows/p.md": "Say something.\n",
  "/flows/s.sh": "echo '{}'\n",
  ...others
})

/** What is told of a graph, one problem in a line, without the directory of the file. */
export const problemsOf = (graph: string | Uint8Array, others: Files = {}): Effect.Effect<ReadonlyArray<string>> =>
  Effect.match(FlowFile.check(graphFile), {
    onFailure: ({ problems }) => problems,
    onSuccess: ({ warnings }) => warnings
  }).pipe(
    Effect.map((problems) => problems.map((problem) => FlowError.render(problem).replaceAll("/flows/", ""))),
    Effect.provide(layer(filesOf(graph, others)))
  )

/** A graph that loads. */
export const loaded = (graph: string, others: Files = {}) =>
  Effect.provide(FlowFile.load(graphFile), layer(filesOf(graph, others)))

/** A graph of one node between its start and its end. */
export const around = (node: string): string =>
  `start: a\nnodes:\n  - ${node.trim().split("\n").join("\n    ")}\n  - {id: done, type: terminal}\n`
