/**
 * The identity of a call: a digest of everything that decides its answer, and of nothing else.
 *
 * - K1. Two calls with the same key asked the same thing: label, phase, timeout, cache policy and the script are not in it.
 * - K2. Two calls that differ in any part have different keys: the parts are hashed as one JSON text, so that no two
 *   lists of parts run together.
 * - K3. The text is canonical (keys in order, absent parts left out), so that the key does not depend on how options were written.
 *
 * A change of what is hashed raises `version`, which makes every older key a miss that can be explained.
 */
import * as canonicalJson from "../internal/canonicalJson.ts"
import * as sha256 from "../internal/sha256.ts"
import type { Isolation } from "./Status.ts"

/**
 * Version of what is hashed.
 * @category models
 * @since 0.1.0
 */
export const version = 1

/**
 * What decides an answer beside the prompt, defaults applied; undefined parts do not exist.
 * @category models
 * @since 0.1.0
 */
export interface Parts {
  readonly agentType: string | undefined
  readonly isolation: Isolation
  readonly maxOutputTokens: number | undefined
  readonly model: string
  readonly namespace: string | undefined
  readonly permissions: ReadonlyArray<string> | undefined
  readonly provider: string
  readonly readScope: ReadonlyArray<string> | undefined
  /** Digest of the canonical JSON Schema. */
  readonly schema: string | undefined
  readonly system: string | undefined
  readonly temperature: number | undefined
  /** What an isolated call begins from; undefined for the commit that is checked out. */
  readonly worktreeBase: string | undefined
  readonly writeScope: ReadonlyArray<string> | undefined
}

/**
 * Canonical JSON of the parts: what is stored of them and what is hashed.
 * @category converting
 * @since 0.1.0
 */
export const encode = (parts: Parts): string =>
  // the keys are written in their canonical order and hold only strings, finite numbers and lists of strings, for which
  // JSON.stringify is canonical; a test compares it with the general encoder
  JSON.stringify({
    agentType: parts.agentType,
    isolation: parts.isolation,
    maxOutputTokens: parts.maxOutputTokens,
    model: parts.model,
    namespace: parts.namespace,
    permissions: parts.permissions,
    provider: parts.provider,
    readScope: parts.readScope,
    schema: parts.schema,
    system: parts.system,
    temperature: parts.temperature,
    worktreeBase: parts.worktreeBase,
    writeScope: parts.writeScope
  })

/**
 * The call key, in hexadecimal.
 * @category constructors
 * @since 0.1.0
 */
export const make = (encodedParts: string, prompt: string): string =>
  sha256.hex(`{"options":${encodedParts},"prompt":${JSON.stringify(prompt)},"v":${version}}`)

/**
 * The key an answer is shared under: the call key, and a digest of the files the agent could read where there is one.
 * @category constructors
 * @since 0.1.0
 */
export const cacheKey = (callKey: string, fingerprint: string | undefined): string =>
  fingerprint === undefined ? callKey : sha256.hex(`${callKey}:${fingerprint}`)

/**
 * The key a child workflow is known by in its parent.
 * @category constructors
 * @since 0.1.0
 */
export const child = (name: string, argsJson: string): string =>
  sha256.hex(canonicalJson.encodeUnsafe({ args: argsJson, name }))
