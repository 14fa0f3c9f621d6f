/**
 * How the command line of an agent is used: what it is started with, and what it prints means.
 *
 * Everything here is pure. Starting, ending, bounds, masking, prices and files are `CliProvider`'s.
 */
import type * as Either from "effect/Either"
import type { ProviderReason } from "../domain/AgentError.ts"
import type { Usage } from "../domain/Usage.ts"
import type { Ended } from "../internal/subprocess/Subprocess.ts"
import type { Capabilities, Request } from "./Provider.ts"

/**
 * What a program is started with for one request.
 * @category models
 * @since 0.1.0
 */
export interface Invocation {
  /** Arguments; `directory` holds the files. Never a prompt, since every user of the machine can read them. */
  readonly args: (directory: string) => ReadonlyArray<string>
  readonly input: string
  /** Texts by file name, written where only this user can read them and removed after the request. */
  readonly files?: Readonly<Record<string, string>> | undefined
  /** Names of files in `directory` that the program is told to write; what it wrote is in `End.reports`. */
  readonly reports?: ReadonlyArray<string> | undefined
  /** Variables of this request, beside the program's own. */
  readonly environment?: Readonly<Record<string, string>> | undefined
}

/**
 * Why a request was not answered.
 * @category models
 * @since 0.1.0
 */
export interface Problem {
  readonly reason: ProviderReason
  readonly detail: string
  readonly retryAfterMs?: number | undefined
  /** The session that was to be continued does not exist: asking again starts a new one. */
  readonly isSessionLost?: boolean | undefined
}

/**
 * What a program came to.
 * @category models
 * @since 0.1.0
 */
export interface Completion {
  readonly text: string
  /** The structured answer where the program gives one apart from the text. */
  readonly structured: unknown
  /** Why this is no answer; undefined when it is one. */
  readonly problem: Problem | undefined
  /** Of this request alone, also where the program counts over a session. */
  readonly usage: Usage | undefined
  /** Dollars of this request alone, as the program says; checked by `CliProvider`. */
  readonly costUsd: number | undefined
  readonly model: string | undefined
}

/**
 * What is known after a line.
 * @category models
 * @since 0.1.0
 */
export interface Told {
  /** The session the request runs in, once a line named it. */
  readonly session: string | undefined
  /** Tokens up to now, when the line changed them. */
  readonly usage: Usage | undefined
  /** Whether this was the last line that matters. */
  readonly isComplete: boolean
}

/**
 * How a program ended, and when.
 * @category models
 * @since 0.1.0
 */
export interface End extends Ended {
  readonly nowMillis: number
  /** What the program wrote into the files it was told to write, by name. */
  readonly reports?: Readonly<Record<string, string>> | undefined
}

/**
 * Reads the output of one request, line by line. No line may make it throw.
 * @category models
 * @since 0.1.0
 */
export interface Events {
  readonly next: (line: string) => Told
  /** What came of the request; undefined when the output holds no result. */
  readonly completion: (end: End) => Completion | undefined
}

/**
 * The command line of one agent.
 * @category models
 * @since 0.1.0
 */
export interface CliFormat {
  /** The program's name in `PATH`. */
  readonly program: string
  /** How to get the program, as the end of a sentence. */
  readonly install: string
  readonly capabilities: Omit<Capabilities, "concurrency" | "limits">
  /** Whether the program may see a variable beside those every program sees; `isSet` tells what the user has set. */
  readonly variables: (isSet: (name: string) => boolean) => (name: string) => boolean
  /** Whether a variable holds a secret though its name does not say so. Defaults to none. */
  readonly isSecret?: ((name: string) => boolean) | undefined
  /** Variables the program is given where the user has not set them. */
  readonly environment: Readonly<Record<string, string>>
  /** Whether the prompt may hold U+0000. */
  readonly takesNul: boolean
  /** Name the program's models are priced under. */
  readonly pricedAs: string
  /** The name a model is priced by before an answer has told it, for aliases and the default. */
  readonly pricedModel: (model: string) => string
  /** Tokens the program adds to a request: its system prompt and tools. */
  readonly overhead: (request: Omit<Request, "timeout">) => number
  /** `sessionId` is a new UUID, for programs that let it be chosen. */
  readonly invocation: (request: Request, sessionId: string) => Either.Either<Invocation, Problem>
  /** `sessionId` is the one given to `invocation`. */
  readonly events: (request: Request, sessionId?: string) => Events
  /** What an end without a result means, where this program says it in words of its own. */
  readonly failure: (end: End) => Problem | undefined
}
