/**
 * What a started agent sees of our environment: a list of what it may, never all that there is.
 *
 * - E1. A program gets the variables every program needs and its own; other providers' keys are not among them.
 * - E2. What our own process was started with is not handed on: nothing that marks it as an agent's child, changes how
 *   Node or git work, or names a directory of ours.
 * - E3. Every secret the program gets is known here, so that it can be taken out of what the program prints.
 */
import type { Settings } from "../settings/Settings.ts"
import type { CliFormat } from "./CliFormat.ts"
import * as KeyMask from "./KeyMask.ts"

/**
 * The environment of a program.
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  variables: Settings["Type"]["variables"],
  format: Pick<CliFormat, "environment" | "variables">
): Readonly<Record<string, string>> => {
  const isSet = (name: string) => (variables((other) => other === name)[name] ?? "") !== ""
  const isOwn = format.variables(isSet)
  return { ...format.environment, ...variables((name) => isCommon(name) || isOwn(name)) }
}

/**
 * A function that takes every secret of an environment out of a text.
 * @category constructors
 * @since 0.1.0
 */
export const mask = (
  environment: Readonly<Record<string, string>>,
  isSecret: (name: string) => boolean = () => false
): (text: string) => string => {
  const secrets = new Set(
    Object.entries(environment).flatMap(([name, value]) => secretsOf(name, value, isSecret(name)))
  )
  // longest first, so that a secret within another leaves nothing of it behind
  const masks = [...secrets].toSorted((a, b) => b.length - a.length).map(KeyMask.make)
  return (text) => masks.reduce((masked, one) => one(masked), text)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const common: ReadonlySet<string> = new Set([
  "PATH",
  "HOME",
  "USER",
  "LOGNAME",
  "SHELL",
  "LANG",
  "TZ",
  "TERM",
  "TMPDIR",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "NODE_EXTRA_CA_CERTS"
])
const commonForm = /^(?:LC_[A-Z]+|XDG_[A-Z_]+)$/
const proxy = /^(?:https?|all|no)_proxy$/i

const isCommon = (name: string) => common.has(name) || commonForm.test(name) || proxy.test(name)

const secretName = /KEY|TOKEN|SECRET|PASSW|HEADERS|AUTH/i

const secretsOf = (name: string, value: string, isTold: boolean): ReadonlyArray<string> => {
  const text = value.trim()
  if (proxy.test(name)) return passwordOf(text)
  if (isTold) return [text]
  // limits are counted in tokens too, and a path is no secret
  return secretName.test(name) && !/^\d{1,15}$/.test(text) && !text.startsWith("/") ? [text, ...headersOf(text)] : []
}

/** The password in an address, as it is and as it would be written out. */
const passwordOf = (address: string): ReadonlyArray<string> => {
  const password = /^[a-z][a-z\d+.-]*:\/\/[^/@:]*:([^/@]+)@/i.exec(address)?.[1]
  return password === undefined ? [] : [password]
}

/** The values of headers that are given one on a line, which may be printed apart from their names. */
const headersOf = (text: string): ReadonlyArray<string> =>
  text.split("\n").flatMap((line) => {
    const value = /^[\w-]+:\s*(?:Bearer\s+|Basic\s+)?(\S.*)$/i.exec(line.trim())?.[1]
    return value === undefined ? [] : [value.trim()]
  })
