/**
 * `owf doctor`: looks for what is wrong with the installation, the configuration and a home.
 */
import * as Effect from "effect/Effect"
import { ExitCode } from "../ExitCode.ts"
import * as Format from "../Format.ts"
import { Exited, Host } from "../Host.ts"
import type { Finding } from "../Inspection.ts"
import { note, print, printJson } from "../Output.ts"
import * as Spec from "../Spec.ts"
import { reading } from "./shared.ts"

/**
 * Looks for what is wrong with the installation, the configuration and a home.
 * @category constructors
 * @since 0.1.0
 */
export const doctor = Spec.make({
  name: "doctor",
  summary: "Look for what is wrong with the installation, the settings and a home",
  details:
    "Nothing is changed and nothing is sent. What is set up and does not work is `broken`, and the command then exits " +
    "with 8; what is merely not there does not count.",
  examples: ["owf doctor", "owf doctor --home ~/runs --json"],
  flags: reading
}, ({ home, json }) =>
  Effect.gen(function*() {
    const host = yield* Host
    const findings = yield* host.inspector.doctor(host.home(home))
    const broken = findings.filter(({ status }) => status === "broken").length
    if (json) yield* printJson({ healthy: broken === 0, findings })
    else {
      yield* print(Format.table(findings.map(row)))
      for (const [advice, checks] of remedies(findings)) yield* note(`${checks.join(", ")}: ${advice}`)
      yield* note(broken === 0 ? "Nothing is broken." : `${broken} ${broken === 1 ? "thing is" : "things are"} broken.`)
    }
    if (broken > 0) return yield* new Exited({ code: ExitCode.unhealthy })
  }))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** What to do, once each, with what it is for. */
const remedies = (findings: ReadonlyArray<Finding>): ReadonlyMap<string, ReadonlyArray<string>> => {
  const remedies = new Map<string, ReadonlyArray<string>>()
  for (const { advice, check, status } of findings) {
    if (advice !== null && status !== "info") remedies.set(advice, [...remedies.get(advice) ?? [], check])
  }
  return remedies
}

const row = ({ check, detail, status }: Finding): ReadonlyArray<string> => [status, check, detail]
