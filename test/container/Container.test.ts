import { assert, describe, it } from "@effect/vitest"
import { validate } from "dockerfile-utils"
import * as Schema from "effect/Schema"
import { spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { parse } from "yaml"
import * as BuiltIn from "../../src/provider/BuiltIn.ts"
import * as SqlLease from "../../src/store/SqlLease.ts"
import { directoryWith, root } from "../lib/node.ts"

const read = (path: string) => Fs.readFileSync(Path.join(root, path), "utf8")

const dockerfile = read("docs/container/Dockerfile")

/** What this service has to have, and nothing it could have by a slip of the pen. */
const Service = Schema.Struct({
  image: Schema.String,
  build: Schema.Struct({
    context: Schema.String,
    dockerfile: Schema.String,
    args: Schema.Record({ key: Schema.String, value: Schema.String })
  }),
  command: Schema.Array(Schema.String),
  environment: Schema.Array(Schema.String),
  env_file: Schema.Array(Schema.Struct({ path: Schema.String, required: Schema.Boolean })),
  volumes: Schema.Array(Schema.String.pipe(Schema.pattern(/^[^:]+(?::-[^}]+\})?:\/\w+$/))),
  stop_grace_period: Schema.String.pipe(Schema.pattern(/^\d+[ms]$/)),
  restart: Schema.String.pipe(Schema.pattern(/^on-failure:\d+$/)),
  healthcheck: Schema.Struct({
    test: Schema.Array(Schema.String),
    interval: Schema.String,
    timeout: Schema.String,
    start_period: Schema.String,
    retries: Schema.Int
  }),
  cap_drop: Schema.Array(Schema.String),
  security_opt: Schema.Array(Schema.String),
  pids_limit: Schema.Int,
  logging: Schema.Struct({
    driver: Schema.String,
    options: Schema.Record({ key: Schema.String, value: Schema.String })
  })
})

const Compose = Schema.Struct({
  name: Schema.String,
  services: Schema.Struct({ owf: Service }),
  volumes: Schema.Record({ key: Schema.String, value: Schema.Null })
})

const compose = Schema.decodeUnknownSync(Compose, { onExcessProperty: "error" })(
  parse(read("docs/container/compose.yaml"), { uniqueKeys: true })
)
const { owf } = compose.services

const names = owf.environment.map((entry) => entry.replace(/=.*$/, ""))

/** Every text of the sources that is the name of a variable. */
const variablesOf = (directory: string): ReadonlySet<string> =>
  new Set(
    Fs.readdirSync(Path.join(root, directory), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .flatMap((file) =>
        read(Path.join(directory, file)).match(/"(?:(?:AGENT|OWF)_[A-Z_]*[A-Z]|CODEX_PROFILE)"/g) ?? []
      )
      .map((text) => text.slice(1, -1))
  )

/** Names that are set by the program itself, or are no variables. */
const notForUsers: ReadonlySet<string> = new Set(["OWF_PROCESS", "OWF_SYNTAX"])

const argumentOf = (name: string) => new RegExp(`^ARG ${name}=(.*)$`, "m").exec(dockerfile)?.[1]

describe("the Dockerfile", () => {
  it("is one that Docker reads, with nothing to warn about", () => {
    const problems = validate(dockerfile).map(({ message, range }) => `${range.start.line + 1}: ${message}`)
    assert.deepStrictEqual(problems, [])
    const broken = validate(`${dockerfile}\nUSR node\n`)
    assert.strictEqual(broken.length, 1, "the check finds what is wrong")
  })

  it("pins the image and every program, builds its last stage on one that there is, and runs as a user without rights", () => {
    const stages = [...dockerfile.matchAll(/^FROM (\S+) AS (\S+)$/gm)].map(([, from, name]) => [from, name])
    assert.deepStrictEqual(stages, [
      ["${NODE_IMAGE}", "base"],
      ["base", "registry"],
      ["base", "package"],
      ["base", "checkout"],
      ["${OWF_FROM}", "final"]
    ])
    assert.match(argumentOf("NODE_IMAGE") ?? "", /^node:\d+\.\d+\.\d+-/)
    assert.strictEqual(argumentOf("OWF_FROM"), "registry")
    for (const name of ["CLAUDE_VERSION", "CODEX_VERSION", "COPILOT_VERSION", "OWF_VERSION"]) {
      assert.match(argumentOf(name) ?? "", /^\d+\.\d+\.\d+$/, name)
    }
    const user = [...dockerfile.matchAll(/^USER (\S+)$/gm)].at(-1)?.[1]
    assert.strictEqual(user, "node")
    assert.match(dockerfile, /^ENTRYPOINT \["tini", /m)
    for (const [, copied = ""] of dockerfile.matchAll(/^COPY --chmod=755 (\S+)/gm)) {
      assert.isTrue(Fs.existsSync(Path.join(root, copied)), copied)
    }
  })

  it("installs this version of the package", () => {
    assert.strictEqual(argumentOf("OWF_VERSION"), JSON.parse(read("package.json")).version)
  })
})

describe("the compose file", () => {
  it("hands on every variable that the sources know", () => {
    const known = [...variablesOf("src")].filter((name) => !notForUsers.has(name))
    assert.include(known, "AGENT_CAP_MAX_WAIT_S")
    assert.include(known, "OWF_SCRIPT_ENV")
    assert.deepStrictEqual(known.filter((name) => !names.includes(name)), [])
    const keys = BuiltIn.all.flatMap((builtIn) => "keyVariables" in builtIn ? builtIn.keyVariables : [])
    assert.isAbove(keys.length, 3)
    assert.deepStrictEqual(keys.filter((name) => !names.includes(name)), [])
  })

  it("hands on nothing that the sources do not know, nothing twice, and no value but the home", () => {
    const known = variablesOf("src")
    assert.deepStrictEqual(names.filter((name) => /^(?:AGENT|OWF)_/.test(name) && !known.has(name)), [])
    assert.strictEqual(new Set(names).size, names.length)
    assert.deepStrictEqual(owf.environment.filter((entry) => entry.includes("=")), ["OWF_HOME=/runs"])
  })

  it("builds with the versions of the Dockerfile and mounts what the image keeps", () => {
    for (const [name, value] of Object.entries(owf.build.args)) {
      assert.strictEqual(value, `\${${name}:-${argumentOf(name)}}`)
    }
    assert.strictEqual(Path.resolve(root, "docs/container", owf.build.context), root)
    assert.isTrue(Fs.existsSync(Path.join(root, owf.build.dockerfile)))
    const mounted = owf.volumes.map((volume) => volume.replace(/^.*:/, ""))
    const declared: ReadonlyArray<string> = JSON.parse(/^VOLUME (.*)$/m.exec(dockerfile)?.[1] ?? "[]")
    assert.deepStrictEqual(mounted, declared)
    assert.deepStrictEqual(Object.keys(compose.volumes), ["work", "runs", "credentials"])
  })

  it("asks after the run the way the image does", () => {
    const command = /^HEALTHCHECK .* CMD (.*)$/m.exec(dockerfile)?.[1] ?? ""
    assert.deepStrictEqual(owf.healthcheck.test, ["CMD", ...JSON.parse(command)])
    assert.deepStrictEqual(owf.command.slice(0, 1), ["run"])
  })
})

describe("the manual of unattended runs", () => {
  it("names every variable that the sources know, and no other", () => {
    const manual = read("docs/unattended.md")
    const known = [...variablesOf("src")].filter((name) => !notForUsers.has(name))
    assert.deepStrictEqual(known.filter((name) => !manual.includes(`\`${name}\``)), [])
    const named = manual.match(/\bAGENT_[A-Z_]+/g) ?? []
    assert.deepStrictEqual(named.filter((name) => !known.includes(name)), [])
  })

  it("names the exit codes after which the entry point and the service leave a run alone", () => {
    const manual = read("docs/unattended.md")
    const service = /^RestartPreventExitStatus=(.*)$/m.exec(manual)?.[1]
    const entry = /^(\d+(?: \| \d+)+)\)\n {2}echo/m.exec(read("docs/container/entrypoint.sh"))?.[1]
    assert.strictEqual(service, `1 ${entry?.replaceAll(" |", "")}`)
  })
})

describe("the entry point", () => {
  const entry = Path.join(root, "docs/container/entrypoint.sh")

  /** Runs it with an `owf` that exits with a code and says how the run is. */
  const started = (words: ReadonlyArray<string>, code: number | string, state = "stopped") => {
    const owf = `#!/bin/sh
echo "owf $*"
[ "$1" = health ] && { echo '  "state": "${state}",'; exit 0; }
exit ${code}
`
    // pauses are counted and not made
    const directory = directoryWith({ owf, sleep: "#!/bin/sh\necho \"sleep $1\"\necho x >> \"$0.times\"\n" })
    for (const name of ["owf", "sleep"]) Fs.chmodSync(Path.join(directory, name), 0o755)
    const { status, stderr, stdout } = spawnSync("sh", [entry, ...words], {
      encoding: "utf8",
      env: { PATH: `${directory}:${process.env["PATH"]}` },
      timeout: 10_000
    })
    return { status, stderr, stdout }
  }

  it("has no run started again that has ended, or that a person has to look at", () => {
    for (const code of [0, 10, 2, 3, 5, 6, 9]) {
      assert.strictEqual(started(["run", "f.yaml"], code).status, 0, String(code))
    }
    assert.strictEqual(started(["resume", "latest"], 1, "ended").status, 0)
    assert.include(started(["run", "f.yaml"], 3).stderr, "exit code 3")
  })

  it("has one started again that crashed, was killed, or failed and can go on", () => {
    for (const code of [1, 4, 7, 70, 137, 143]) assert.strictEqual(started(["run", "f.yaml"], code).status, code)
  })

  it("waits for what a container that crashed held, and no longer than that takes", () => {
    const again = started(["run", "f.yaml"], "$(test -s \"$(dirname \"$0\")/sleep.times\" && echo 0 || echo 7)")
    assert.strictEqual(again.status, 0)
    assert.strictEqual(again.stdout, "owf run f.yaml\nsleep 15\nowf run f.yaml\n")
    const held = started(["run", "f.yaml"], 7)
    assert.strictEqual(held.status, 7)
    const pauses = [...held.stdout.matchAll(/^sleep (\d+)$/gm)].map(([, seconds]) => Number(seconds))
    assert.isAbove(pauses.reduce((sum, seconds) => sum + seconds, 0) * 1000, SqlLease.lapse)
  })

  it("waits, when it is told to stop, until owf has recorded where it stands", async () => {
    const directory = directoryWith({
      owf: "#!/bin/sh\ntrap 'kill $!; echo recorded; exit 143' TERM\nsleep 30 &\necho up\nwait\n"
    })
    Fs.chmodSync(Path.join(directory, "owf"), 0o755)
    const child = spawn("sh", [entry, "run", "f.yaml"], {
      detached: true,
      env: { PATH: `${directory}:${process.env["PATH"]}` },
      stdio: ["ignore", "pipe", "ignore"]
    })
    let printed = ""
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      // tini gives a signal to the whole group
      if (printed === "" && child.pid !== undefined) process.kill(-child.pid, "SIGTERM")
      printed += text
    })
    const [code] = await once(child, "close")
    assert.strictEqual(printed, "up\nrecorded\n")
    assert.strictEqual(code, 143)
  }, 20_000)

  it("gives other commands as they are, with their own exit codes", () => {
    const { status, stdout } = started(["status", "a run"], 3)
    assert.strictEqual(status, 3)
    assert.strictEqual(stdout, "owf status a run\n")
  })
})
