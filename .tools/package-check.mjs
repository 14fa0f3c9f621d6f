/**
 * Packs the package as it would be published, lints the tarball with publint, and starts the command from it.
 */
import { spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"

const root = Path.resolve(import.meta.dirname, "..")
const temporary = Fs.mkdtempSync(Path.join(Os.tmpdir(), "owf-package-"))
process.on("exit", () => Fs.rmSync(temporary, { recursive: true, force: true }))

const [packed] = JSON.parse(run("npm", ["pack", "--json", "--pack-destination", temporary]).replace(/^[^[]*/, ""))
const tarball = Path.join(temporary, packed.filename)

const paths = packed.files.map(({ path }) => path)
const unwanted = paths.filter((path) =>
  !/^(?:dist|src|examples|skills)\/|^(?:package\.json|README\.md|LICENSE|CHANGELOG\.md|AGENTS\.md|llms\.txt)$/.test(
    path
  ) ||
  /\.tsbuildinfo$|\.test\.|\.tmp$|tsconfig/.test(path)
)
const missing = [
  "dist/index.js",
  "dist/index.d.ts",
  "dist/bin/owf.js",
  "dist/bin/mcp.js",
  "dist/bin/mcp.js.licenses.txt",
  "dist/node/loaderHooks.js",
  "dist/viewer/report.js",
  "dist/viewer/report-style.css",
  "src/index.ts",
  "skills/owf/SKILL.md",
  "LICENSE"
]
  .filter((path) => !paths.includes(path))
if (unwanted.length > 0) fail(`the tarball holds files nobody needs: ${unwanted.join(", ")}`)
if (missing.length > 0) fail(`the tarball lacks ${missing.join(", ")}`)

run(Path.join(root, "node_modules", ".bin", "publint"), ["run", tarball, "--strict"])

run("tar", ["-xzf", tarball, "-C", temporary])
Fs.symlinkSync(Path.join(root, "node_modules"), Path.join(temporary, "package", "node_modules"))
const version = run(process.execPath, [Path.join(temporary, "package", "dist", "bin", "owf.js"), "--version"]).trim()
if (!version.includes(packed.version)) fail(`owf --version says ${version}, package.json says ${packed.version}`)

const size = (bytes) => `${(bytes / 1024).toFixed(0)} KiB`
process.stdout.write(
  `${packed.filename}: ${paths.length} files, ${size(packed.size)} packed, ${size(packed.unpackedSize)} unpacked\n`
)

function run(command, parameters) {
  const { status, stdout, stderr, error } = spawnSync(command, parameters, { cwd: root, encoding: "utf8" })
  if (status !== 0) fail(`${Path.basename(command)} ${parameters[0]} failed\n${stdout}${stderr}${error ?? ""}`)
  return stdout
}

function fail(message) {
  process.stderr.write(`package:check: ${message}\n`)
  process.exit(1)
}
