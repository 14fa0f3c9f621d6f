/**
 * What stands in for the world in a dry run: providers that make their answers up, worktrees that are not made, a store
 * that is gone afterwards.
 *
 * - P1. No request is sent, no program of a graph is run, nothing is written but in a temporary home.
 * - P2. A provider keeps its name, its models, its estimates and what it can be relied on for, so that a call is refused,
 *   reserved and priced as in the run. It has no limits per minute and as much room as is asked for.
 * - P3. A call that asks for a worktree fails where one could not be made: git is asked, and only to read.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Path from "node:path"
import { Fingerprint } from "../cache/Fingerprint.ts"
import type { NanoUsd } from "../domain/Money.ts"
import * as Money from "../domain/Money.ts"
import * as Usage from "../domain/Usage.ts"
import * as Supervisor from "../internal/subprocess/Supervisor.ts"
import * as Fake from "../provider/Fake.ts"
import type { Answer, Provider, Request } from "../provider/Provider.ts"
import { Providers } from "../provider/Provider.ts"
import { RunFiles } from "../store/RunFiles.ts"
import * as Git from "../worktree/Git.ts"
import * as GitRepository from "../worktree/GitRepository.ts"
import type { Base, Evidence, Tree } from "../worktree/Worktree.ts"
import { Worktree } from "../worktree/Worktree.ts"
import * as WorktreeNode from "./WorktreeNode.ts"

/**
 * What a request is estimated to use; costs are in billionths of a dollar, undefined where the price is not known.
 * @category models
 * @since 0.1.0
 */
export interface Asked {
  readonly inputTokens: number
  readonly outputTokens: number
  readonly cost: NanoUsd | undefined
  readonly costAtMost: NanoUsd | undefined
}

/**
 * The requests of a dry run by their calls, and the moment when there are too many.
 * @category models
 * @since 0.1.0
 */
export interface Recorder {
  readonly of: (callId: string) => ReadonlyArray<Asked>
  /** Names of the providers that were asked. */
  readonly providers: ReadonlySet<string>
  readonly add: (request: Request, provider: string, asked: Asked) => Effect.Effect<void>
  /** Ends when more requests were made than there may be. */
  readonly tooMany: Effect.Effect<void>
}

/**
 * A recorder of at most so many requests.
 * @category constructors
 * @since 0.1.0
 */
export const makeRecorder = (most: number): Effect.Effect<Recorder> =>
  Effect.map(Deferred.make<void>(), (reached) => {
    const byCall = new Map<string, Array<Asked>>()
    const providers = new Set<string>()
    let count = 0
    return {
      of: (callId) => byCall.get(callId) ?? [],
      providers,
      add: ({ callId }, provider, asked) => {
        // the one too many is neither counted nor answered
        if (count === most) return Effect.zipRight(Deferred.succeed(reached, undefined), Effect.never)
        return Effect.sync(() => {
          count++
          providers.add(provider)
          byCall.set(callId, [...byCall.get(callId) ?? [], asked])
        })
      },
      tooMany: Deferred.await(reached)
    }
  })

/**
 * The providers there are, with answers that are made up (P2).
 * @category layers
 * @since 0.1.0
 */
export const layerProviders = (
  recorder: Recorder,
  outputTokens: number
): Layer.Layer<Providers, never, Providers> =>
  Layer.effect(
    Providers,
    Effect.map(Providers, (real) => {
      const known = new Map<Provider, Provider>()
      return {
        names: real.names,
        get: (name) =>
          Effect.map(real.get(name), (provider) => {
            const standIn = known.get(provider) ?? played(provider, recorder, outputTokens)
            known.set(provider, standIn)
            return standIn
          })
      }
    })
  )

/**
 * Run directories that are not written.
 * @category layers
 * @since 0.1.0
 */
export const layerRunFiles = (home: string): Layer.Layer<RunFiles> =>
  Layer.succeed(RunFiles, {
    directory: (id) => Path.join(home, "runs", id),
    callDirectory: (id) => Path.join(home, "calls", id),
    own: (id) => Effect.succeed(Path.join(home, "runs", id)),
    follow: () => Effect.void,
    flush: () => Effect.void
  })

/**
 * Files that always look the same, because nothing a dry run asks reads them.
 * @category layers
 * @since 0.1.0
 */
export const layerFingerprint: Layer.Layer<Fingerprint> = Layer.succeed(Fingerprint, {
  files: () => Effect.succeed(""),
  repository: Effect.succeed("")
})

/**
 * Worktrees that are not made, in the repository a directory is in (P3).
 * @category layers
 * @since 0.1.0
 */
export const layerWorktree = (cwd: string): Layer.Layer<Worktree> =>
  Layer.effect(
    Worktree,
    Effect.gen(function*() {
      const git = yield* Git.make({ environment: WorktreeNode.environment() })
      return {
        acquire: ({ base, call, run }) =>
          Effect.gen(function*() {
            const { repository } = yield* GitRepository.find(git, cwd)
            const tree: Tree = {
              path: Path.join(repository.root, repository.prefix),
              root: repository.root,
              branch: `owf/${run}/${call}`,
              baseCommit: yield* GitRepository.commitOf(git, repository, nameOf(base))
            }
            return tree
          }),
        collect: ({ baseCommit }) => Effect.succeed({ ...nothing, baseCommit, headCommit: baseCommit }),
        snapshot: Effect.succeed({ changes: Effect.succeed(nothing) }),
        touched: () => Effect.succeed([]),
        holds: () => Effect.succeed(true)
      }
    })
  ).pipe(
    Layer.provide(Supervisor.layer),
    Layer.provide(Layer.merge(NodeFileSystem.layer, NodePath.layer))
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const nothing: Evidence = {
  path: null,
  branch: null,
  baseCommit: null,
  headCommit: null,
  changes: [],
  patch: "",
  isPatchCut: false,
  digest: null,
  warnings: []
}

const nameOf = (base: Base): string => base._tag === "Revision" ? base.name : "HEAD"

const encoder = new TextEncoder()
const bytesOf = (text: string | undefined): number => text === undefined ? 0 : encoder.encode(text).length

/** Bytes of text that make a token, in a rule of thumb. */
const bytesPerToken = 4

const offline = Fake.make()

const played = (provider: Provider, recorder: Recorder, outputTokens: number): Provider => ({
  ...provider,
  capabilities: { ...provider.capabilities, concurrency: undefined, limits: undefined },
  ask: (request, listener) => {
    const asked = estimate(provider, request, outputTokens)
    return Effect.zipRight(
      recorder.add(request, provider.name, asked),
      Effect.map(
        offline.ask(answerable(provider, request), listener),
        (answer): Answer =>
          provider.name === Fake.name || provider.name === scripts ? answer : {
            ...answer,
            usage: Usage.make({ inputTokens: asked.inputTokens, outputTokens: asked.outputTokens }),
            cost: asked.cost === undefined ? undefined : { amount: asked.cost, source: "estimate" }
          }
      )
    )
  }
})

/** The provider that runs the programs of graphs. */
const scripts = "script"

/** What a program of a graph is given is no prompt: words of it in an answer would say nothing. */
const answerable = (provider: Provider, request: Request): Request =>
  provider.name === scripts ? { ...request, prompt: "a program's output" } : request

/**
 * Providers estimate input by its bytes, which no request passes; what is expected is less. The offline provider and
 * programs cost nothing, and what they are given is still counted.
 */
const estimate = (provider: Provider, request: Request, expected: number): Asked => {
  const text = bytesOf(request.prompt) + bytesOf(request.system) +
    bytesOf(request.schema === undefined ? undefined : JSON.stringify(request.schema))
  if (provider.name === scripts) return { inputTokens: 0, outputTokens: 0, cost: Money.zero, costAtMost: Money.zero }
  const { cost, inputTokens, outputTokens } = provider.estimate(request)
  const most = request.maxOutputTokens ?? outputTokens
  const input = Math.max(Math.ceil(text / bytesPerToken), inputTokens - Math.floor(text * (1 - 1 / bytesPerToken)))
  const output = Math.min(expected, request.maxOutputTokens ?? expected)
  return {
    inputTokens: input,
    outputTokens: output,
    cost: cost(input, output),
    costAtMost: cost(Math.max(inputTokens, input), Math.max(most, output))
  }
}
