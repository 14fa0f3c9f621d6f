import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import type * as FileSystem from "@effect/platform/FileSystem"
import { assert, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { ProviderReason } from "../../src/domain/AgentError.ts"
import type { Subprocess } from "../../src/internal/subprocess/Subprocess.ts"
import * as Supervisor from "../../src/internal/subprocess/Supervisor.ts"
import * as Pricing from "../../src/provider/Pricing.ts"
import type { Answer, Provider, ProviderError, Request } from "../../src/provider/Provider.ts"
import * as Settings from "../../src/settings/Settings.ts"
import * as ProviderContract from "../contract/ProviderContract.ts"
import type { FakeCli } from "../lib/FakeCli.ts"

const rate = (base: number): Pricing.Rate => ({ base, tiers: [] })

/** A price for every model but `unpriced`: 1 dollar per million input tokens, 10 per million output tokens. */
export const price: Pricing.Price = {
  input: rate(1),
  output: rate(10),
  cacheRead: rate(0.1),
  cacheWrite: rate(1.25),
  source: "test prices"
}

const priceAt = (_provider: string, model: string) => model === "unpriced" ? Option.none() : Option.some(price)

type Services = Settings.Settings | Pricing.Pricing | FileSystem.FileSystem | Subprocess

/** A provider whose program is a fake one in `PATH`, with nothing else in the environment but what is given. */
export const build = (
  make: Effect.Effect<Provider, never, Services>,
  cli: Pick<FakeCli, "directory">,
  environment: Settings.Environment = {}
): Effect.Effect<Provider, never, Scope.Scope> =>
  Effect.flatMap(
    Layer.build(Layer.mergeAll(
      Supervisor.layer,
      NodeFileSystem.layer,
      Layer.succeed(Pricing.Pricing, { price: (provider, model) => Effect.succeed(priceAt(provider, model)), priceAt }),
      Layer.orDie(Settings.layer({ PATH: cli.directory, ...environment }))
    )),
    (services) => Effect.provide(make, services)
  )

/** A test that starts processes. */
export const test = (title: string, body: () => Effect.Effect<void, unknown, Scope.Scope>) =>
  it.scopedLive(title, body, 30_000)

/** The answer of a request that was answered. */
export const answered = (outcome: Either.Either<Answer, ProviderError>): Answer => {
  if (Either.isLeft(outcome)) assert.fail(`not answered: ${outcome.left.reason}, ${outcome.left.detail}`)
  return outcome.right
}

/** The error of a request that was not, which has this reason and says more. */
export const failed = (outcome: Either.Either<Answer, ProviderError>, reason: ProviderReason): ProviderError => {
  if (Either.isRight(outcome)) assert.fail(`answered: ${outcome.right.text.slice(0, 200)}`)
  assert.strictEqual(outcome.left.reason, reason, outcome.left.detail)
  assert.notStrictEqual(outcome.left.detail, "")
  return outcome.left
}

/** Whether there is a process of this id. */
export const alive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** One request, with what the listener was told. */
export const ask = (provider: Provider, fields: Partial<Request> = {}) =>
  Effect.suspend(() => {
    const told: Told = { sessions: [], usage: [] }
    const asked = provider.ask(
      ProviderContract.request({ model: provider.resolveModel(undefined), timeout: Duration.seconds(30), ...fields }),
      {
        session: (id) => Effect.sync(() => void told.sessions.push(id)),
        usage: (usage) => Effect.sync(() => void told.usage.push(usage.outputTokens))
      }
    )
    return Effect.map(Effect.either(asked), (outcome): Asked => ({ told, outcome }))
  })

export interface Told {
  readonly sessions: Array<string>
  /** Output tokens, each time usage was told. */
  readonly usage: Array<number>
}

interface Asked {
  readonly told: Told
  readonly outcome: Either.Either<Answer, ProviderError>
}
