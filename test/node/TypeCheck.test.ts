import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Fs from "node:fs"
import * as Module from "node:module"
import * as Path from "node:path"
import { afterEach, beforeEach } from "vitest"
import * as Supervisor from "../../src/internal/subprocess/Supervisor.ts"
import * as TypeCheck from "../../src/node/TypeCheck.ts"
import * as Program from "../../src/node/TypeCheckProgram.ts"
import type * as Rules from "../../src/node/TypeCheckRules.ts"
import { directoryWith, root } from "../lib/node.ts"

/** A TypeScript to check with: how it is installed, given the project's `node_modules`. */
interface Version {
  readonly name: string
  readonly directory: string
}

const own = Path.join(root, "node_modules/typescript")
const ownVersion: string = Module.createRequire(import.meta.url)("typescript/package.json").version

/** A package `typescript` that is a program and no library, as 7 is. */
const programPackage = (tsc: string, version = "7.0.2"): string =>
  directoryWith({
    "package.json": JSON.stringify({ name: "typescript", version, main: "version.cjs", bin: { tsc: "./bin/tsc" } }),
    "version.cjs": `exports.version = ${JSON.stringify(version)}`,
    "bin/tsc": `#!/usr/bin/env node\n${tsc}`
  })

/** Others are tried where somebody names them: `OWF_TYPESCRIPTS=/a/node_modules/typescript:/b/…`. */
const versions: ReadonlyArray<Version> = [
  { name: `${ownVersion}, as a library`, directory: own },
  {
    name: `${ownVersion}, by its tsc`,
    directory: programPackage(`require(${JSON.stringify(Path.join(own, "lib/tsc.js"))})`, ownVersion)
  },
  { name: "7.0.2, from its recorded output", directory: Path.join(root, "test/fixtures/typescript7") },
  ...(process.env["OWF_TYPESCRIPTS"] ?? "").split(":").filter((one) => one !== "").map((directory) => ({
    name: directory,
    directory
  }))
]

const { TMPDIR: temporaryBefore } = process.env

let temporary = ""

beforeEach(() => {
  temporary = directoryWith({})
  process.env["TMPDIR"] = temporary
})

afterEach(() => {
  const left = typesIn(temporary)
  if (temporaryBefore === undefined) delete process.env["TMPDIR"]
  else process.env["TMPDIR"] = temporaryBefore
  assert.deepStrictEqual(left, [])
})

/** A project in which a package `typescript` and other packages are installed. */
const projectWith = (typescript: string, files: Readonly<Record<string, string>>): string => {
  const directory = directoryWith({ "package.json": "{}", ...files })
  Fs.mkdirSync(Path.join(directory, "node_modules"), { recursive: true })
  Fs.symlinkSync(typescript, Path.join(directory, "node_modules/typescript"))
  return directory
}

const installNodeTypes = (directory: string): void => {
  for (const name of ["@types/node", "undici-types"]) {
    const to = Path.join(directory, "node_modules", name)
    Fs.mkdirSync(Path.dirname(to), { recursive: true })
    Fs.symlinkSync(Path.join(root, "node_modules", name), to)
  }
}

const checkedIn = (directory: string) =>
  Effect.map(TypeCheck.check(Path.join(directory, "flow.ts")), (found) => {
    assert(found._tag === "Checked", found._tag === "Unchecked" ? found.reason : "")
    return found
  })

const placesOf = (directory: string, { diagnostics }: { readonly diagnostics: ReadonlyArray<Rules.Diagnostic> }) =>
  diagnostics.map(({ code, column, file, line, message }) =>
    `${Path.relative(directory, file)}:${line}:${column} ${code} ${message.split("\n").length}`
  )

const wrong = {
  "flow.ts": `import * as Effect from "effect/Effect"
import * as Platform from "@effect/platform/FileSystem"
import type { Shape } from "untidy"
import { topic } from "./topic.js"
export const program: Effect.Effect<number, never, Platform.FileSystem> = Effect.succeed("a")
const [face, count]: [string, number] = ["😀", topic]
export const made: Shape = { deep: { inner: face } }
export const other: { deep: { inner: number } } = made
export const many = count.toFixed("2")
`,
  "topic.ts": "export const topic = \"tests\"\nexport const untyped = (topic) => topic\n",
  // what a package has wrong is not the user's to mend, and its own copy of Effect is nobody's
  "node_modules/untidy/package.json": JSON.stringify({ name: "untidy", types: "index.ts" }),
  "node_modules/untidy/index.ts":
    "export interface Shape { readonly deep: { readonly inner: string } }\nexport const not: number = \"\"\n",
  "node_modules/effect/package.json": JSON.stringify({ name: "effect", exports: { "./*": { types: "./*.d.ts" } } }),
  "node_modules/effect/Effect.d.ts": "export declare const nothing: 1\n"
}

const found = [
  "flow.ts:5:14 TS2375 2",
  "flow.ts:6:48 TS2322 1",
  "flow.ts:8:14 TS2322 3",
  "flow.ts:9:35 TS2345 1",
  "topic.ts:2:25 TS7006 1"
]

const configured = {
  "flow.ts": `import type { Shape } from "@shapes/shape"
import { loose } from "./loose.ts"
export const made: Shape = { inner: loose("text") }
export const first: string = ["a"][0]
`,
  "loose.ts": "export const loose = (text) => text\nexport const bad: number = \"text\"\n",
  "tsconfig.json": `{
  // what is built from it is not what is run
  "extends": "./configs/base", /* and more */
  "compilerOptions": {
    "target": "es2019", "module": "commonjs", "outDir": "out", "rootDir": "src", "composite": true,
    "noUncheckedIndexedAccess": true, "types": ["missing", "present"],
  },
  "include": ["src"],
}
`,
  "configs/base.json": JSON.stringify({
    compilerOptions: { strict: false, strictNullChecks: true, paths: { "@shapes/*": ["../shapes/*"] } }
  }),
  "shapes/shape.ts": "export interface Shape { readonly inner: typeof PRESENT }\n",
  "node_modules/present/package.json": JSON.stringify({ name: "present", types: "index.d.ts" }),
  "node_modules/present/index.d.ts": "declare const PRESENT: string\n"
}

const isProgram = ({ directory }: Version): boolean => !Fs.existsSync(Path.join(directory, "lib/typescript.js"))

describe.each(versions)("types, checked by TypeScript $name", ({ directory: typescript }) => {
  it.live("are named with the place of each error, those of dependencies left out", () =>
    Effect.gen(function*() {
      const directory = projectWith(typescript, wrong)
      const result = yield* checkedIn(directory)
      assert.deepStrictEqual(placesOf(directory, result), found)
      const program = result.diagnostics.find(({ line }) => line === 5)
      assert.match(
        program?.message ?? "",
        /^Type 'Effect<string, never, never>' is not [^\n]*\n {2}Type 'string' is not/
      )
      assert.deepStrictEqual(result.notes, [])
    }), 60_000)

  it.live(
    "keep to the project's configuration in all but modules, output, and types that are not installed",
    () =>
      Effect.gen(function*() {
        const directory = projectWith(typescript, configured)
        assert.deepStrictEqual(placesOf(directory, yield* checkedIn(directory)), [
          "flow.ts:4:14 TS2322 2",
          "loose.ts:2:14 TS2322 1"
        ])
      }),
    60_000
  )

  it.live("know of Node what is installed, and nothing is said of what is not", () =>
    Effect.gen(function*() {
      const flow = `import * as Fs from "node:fs"
export const mode: string = Fs.constants.F_OK
export const version: number = process.version
export const late: string = 1
`
      const directory = projectWith(typescript, { "flow.ts": flow })
      const without = yield* checkedIn(directory)
      assert.deepStrictEqual(placesOf(directory, without), ["flow.ts:4:14 TS2322 1"])
      assert.deepStrictEqual(without.notes, [
        "what the file uses of Node was not checked: @types/node is not installed"
      ])
      installNodeTypes(directory)
      const withTypes = yield* checkedIn(directory)
      assert.lengthOf(withTypes.diagnostics, 3)
      assert.deepStrictEqual(withTypes.notes, [])
    }), 60_000)
})

describe("types, checked by a TypeScript that is a program", () => {
  it.live(
    "are not checked where the program cannot be used, and that says what to install and why",
    () =>
      Effect.gen(function*() {
        const reasons = [
          [
            "console.error('Error: Unable to resolve @typescript/here.'); process.exit(1)",
            "exit code 1: Error: Unable to"
          ],
          ["process.exit(1)", "exit code 1; "],
          ["process.exit(7)", "exit code 7; "],
          ["console.log('flow.ts(1,1): error TS2322: No.'); process.kill(process.pid, 'SIGKILL')", "exit code none; "],
          ["throw new Error('broken')", "exit code 1: Error: broken; "]
        ] as const
        for (const [tsc, why] of reasons) {
          const directory = projectWith(programPackage(tsc), { "flow.ts": "" })
          const result = yield* TypeCheck.check(Path.join(directory, "flow.ts"))
          assert(result._tag === "Unchecked")
          assert.include(result.reason, `no interface for programs, and its tsc ended with ${why}`)
          assert.match(
            result.reason,
            /^typescript 7\.0\.2 at .*; typescript 6 has: npm install --save-dev typescript@6$/
          )
        }
      }),
    60_000
  )

  it.live("are not said to be right where the program did not come to look at them", () =>
    Effect.gen(function*() {
      const files = {
        "flow.ts": "export const wrong: number = \"text\"\n",
        "tsconfig.json": JSON.stringify({ compilerOptions: { emitDecoratorMetadata: true } })
      }
      for (const { directory: typescript } of versions.filter(isProgram)) {
        const result = yield* TypeCheck.check(Path.join(projectWith(typescript, files), "flow.ts"))
        assert(result._tag === "Unchecked")
        assert.match(
          result.reason,
          /^typescript \S+ does not take the project's configuration: TS5052: Option 'emitDecoratorMetadata' cannot/
        )
      }
    }), 60_000)

  it.live("are not waited for longer than is allowed, and nothing of the program stays", () =>
    Effect.gen(function*() {
      const { file, pids, tsc } = hanging()
      const program = { version: "7.0.2", tsc }
      const result = yield* Program.check(program, file, { patience: Duration.seconds(4) })
      assert.deepStrictEqual(result, { _tag: "Unusable", reason: "did not end within 4s" })
      assert.isNotEmpty(pids())
      assert.deepStrictEqual(pids().filter(isAlive), [])
    }).pipe(Effect.provide(Supervisor.layer)), 60_000)

  it.live("leave nothing when they are interrupted", () =>
    Effect.gen(function*() {
      const { file, pids, tsc } = hanging()
      const running = yield* Effect.fork(Program.check({ version: "7.0.2", tsc }, file))
      yield* Effect.repeat(Effect.delay(Effect.sync(pids), "20 millis"), { until: (found) => found.length > 0 })
      assert.lengthOf(typesIn(temporary), 1)
      yield* Fiber.interrupt(running)
      assert.deepStrictEqual(typesIn(temporary), [])
      assert.deepStrictEqual(pids().filter(isAlive), [])
    }).pipe(Effect.provide(Supervisor.layer)), 60_000)

  it.live("are shown as far as they go where there are more errors than can be shown", () =>
    Effect.gen(function*() {
      const endless =
        "const say = () => process.stdout.write('../x.ts(1,1): error TS2322: No.\\n'.repeat(9_999), say)\nsay()"
      const result = yield* checkedIn(projectWith(programPackage(endless), { "flow.ts": "" }))
      assert.lengthOf(result.diagnostics, 200)
      assert.include(result.notes, "more was found than is shown")
    }), 60_000)

  it.live("leave the packages of the project where they are", () =>
    Effect.gen(function*() {
      const directory = projectWith(programPackage(""), { "flow.ts": "", "node_modules/kept/index.d.ts": "" })
      const before = Fs.readdirSync(directory, { recursive: true })
      assert.deepStrictEqual((yield* checkedIn(directory)).diagnostics, [])
      assert.deepStrictEqual(Fs.readdirSync(directory, { recursive: true }), before)
    }), 60_000)
})

const typesIn = (directory: string) => Fs.readdirSync(directory).filter((name) => name.startsWith("owf-types-"))

/** A program that goes on and says who it is. */
const hanging = () => {
  const directory = directoryWith({ "flow.ts": "", pids: "" })
  const pids = Path.join(directory, "pids")
  const tsc = `require("node:fs").appendFileSync(${
    JSON.stringify(pids)
  }, process.pid + "\\n"); setInterval(() => {}, 1e6)`
  return {
    file: Path.join(directory, "flow.ts"),
    tsc: Path.join(programPackage(tsc), "bin/tsc"),
    pids: () => Fs.readFileSync(pids, "utf8").split("\n").filter((line) => line !== "").map(Number)
  }
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
