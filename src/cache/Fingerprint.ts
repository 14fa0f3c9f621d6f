/**
 * The port to what an agent could read, as a digest: an answer about files is not used again after they changed.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

/**
 * What the agent could read cannot be told, so an answer must not be shared.
 * @category errors
 * @since 0.1.0
 */
export class FingerprintUnknown
  extends Schema.TaggedError<FingerprintUnknown>("owf/Fingerprint/FingerprintUnknown")("FingerprintUnknown", {
    detail: Schema.String
  })
{
  override get message(): string {
    return this.detail
  }
}

/**
 * Digests of what an agent could read.
 * @category services
 * @since 0.1.0
 */
export class Fingerprint extends Context.Tag("owf/Fingerprint")<Fingerprint, {
  /** Digest of the names and contents of the files under these paths, relative to the working directory. */
  readonly files: (paths: ReadonlyArray<string>) => Effect.Effect<string, FingerprintUnknown>
  /** Digest of the repository the working directory belongs to: its commit and every uncommitted change. */
  readonly repository: Effect.Effect<string, FingerprintUnknown>
}>() {}
