/**
 * Writes `docs/reference`: `api.md` from the sources, `cli.md` from the help texts of the built command.
 *
 * With `--check` nothing is written and a file that would change fails the command.
 */
import { spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { stripVTControlCharacters } from "node:util"
import { publicModules } from "./publicApi.mjs"

const root = Path.resolve(import.meta.dirname, "..")
const bin = Path.join(root, "dist", "bin", "owf.js")
const check = process.argv.includes("--check")
const note = "<!-- Written by `npm run docs`; do not edit. -->"

const pages = new Map([["docs/reference/api.md", apiPage()]])
if (Fs.existsSync(Path.join(root, "src", "bin.ts"))) {
  const built = spawnSync(process.execPath, [Path.join(root, ".tools", "build.mjs")], { stdio: "inherit" })
  if (built.status !== 0) process.exit(1)
  pages.set("docs/reference/cli.md", cliPage())
}

const stale = [...pages].filter(([file, text]) => read(Path.join(root, file)) !== text)
if (check && stale.length > 0) {
  process.stderr.write(
    `Stale: ${stale.map(([file]) => file).join(", ")}. Run \`npm run docs\` and commit the result.\n`
  )
  process.exit(1)
}
for (const [file, text] of check ? [] : stale) {
  Fs.mkdirSync(Path.dirname(Path.join(root, file)), { recursive: true })
  Fs.writeFileSync(Path.join(root, file), text)
}
process.stdout.write(check ? "docs/reference is fresh\n" : `wrote ${stale.length} of ${pages.size} pages\n`)

function apiPage() {
  const modules = publicModules(root)
  const sections = modules.map(({ specifier, summary, exports }) =>
    [
      `## \`${specifier}\``,
      ...summary === "" ? [] : [summary],
      [
        "| export | kind | what it does |",
        "| --- | --- | --- |",
        ...exports.map(({ name, kind, summary }) => `| \`${name}\` | ${kind} | ${cell(summary)} |`)
      ].join("\n")
    ].join("\n\n")
  )
  return ["# API", note, "Every public module, with the first sentence of each export.", ...sections].join("\n\n") +
    "\n"
}

function cliPage() {
  const text = help([])
  const sections = commandsIn(text).map((command) =>
    `## \`owf ${command.join(" ")}\`\n\n\`\`\`text\n${help(command)}\n\`\`\``
  )
  return ["# The `owf` command", note, `\`\`\`text\n${text}\n\`\`\``, ...sections].join("\n\n") + "\n"
}

function help(command) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...command, "--help"], {
    encoding: "utf8",
    env: { PATH: process.env["PATH"], HOME: "/nonexistent", NO_COLOR: "1", COLUMNS: "100" }
  })
  if (status !== 0) throw new Error(`owf ${[...command, "--help"].join(" ")} ended with ${status}\n${stderr}`)
  return stripVTControlCharacters(stdout).split("\n").map((line) => line.trimEnd()).join("\n").trim()
}

/** The subcommands a help text lists: the leading words of each line below "Commands". */
function commandsIn(text) {
  const lines = text.split("\n")
  const start = lines.findIndex((line) => /^\s*commands:?\s*$/i.test(line))
  if (start < 0) return []
  const commands = []
  for (const line of lines.slice(start + 1)) {
    if (/^\S/.test(line) && !line.startsWith("- ")) break
    const usage = /^\s*(?:- )?([a-z][a-z0-9-]*(?: [a-z][a-z0-9-]*)*)(?=\s{2}|\s[[<(-]|\s*$)/.exec(line)?.[1]
    if (usage !== undefined) commands.push(usage.split(" "))
  }
  return commands
}

function cell(text) {
  return text.replaceAll("|", "\\|")
}

function read(file) {
  return Fs.existsSync(file) ? Fs.readFileSync(file, "utf8") : undefined
}
