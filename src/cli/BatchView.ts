/**
 * What the commands about batches show, as plain data.
 */

/**
 * A batch and how it stands.
 * @category models
 * @since 0.1.0
 */
export interface BatchView {
  readonly batch_id: string
  readonly provider: string
  readonly model: string
  /** Requests. */
  readonly count: number
  /** `storing`, `running`, `done`, `partial` or `failed`. */
  readonly status: string
  /** Whether nothing of it will change any more. */
  readonly done: boolean
  /** The vendor's words for the states of its jobs. */
  readonly raw_status: string
  readonly counts: { readonly total: number; readonly succeeded: number; readonly failed: number }
  readonly input_tokens: number
  readonly output_tokens: number
  /** Null where the cost of any answer is not known. */
  readonly total_cost_usd: number | null
  readonly created_at: string
  readonly jobs: ReadonlyArray<BatchJobView>
  /** What could not be done now. */
  readonly problems: ReadonlyArray<BatchProblemView>
}

/**
 * A job of a vendor and how it stands.
 * @category models
 * @since 0.1.0
 */
export interface BatchJobView {
  readonly job: number
  /** The vendor's id of it; null while it is not known to be there. */
  readonly remote_id: string | null
  readonly model: string
  /** `pending`, `sending` (the vendor may have it), or as the vendor says. */
  readonly state: string
  readonly raw_state: string | null
  readonly count: number
  readonly succeeded: number
  readonly failed: number
  /** Whether every one of its requests has an outcome. */
  readonly settled: boolean
  readonly problems: ReadonlyArray<string>
}

/**
 * What could not be done for a job.
 * @category models
 * @since 0.1.0
 */
export interface BatchProblemView {
  readonly job: number
  readonly reason: string
  readonly message: string
  /** Whether asking again may help. */
  readonly transient: boolean
}

/**
 * What came of a request, as `owf batch fetch` writes it.
 * @category models
 * @since 0.1.0
 */
export interface BatchRowView {
  readonly custom_id: string
  readonly ok: boolean
  readonly text: string | null
  /** The answer's value, for requests with a schema. */
  readonly value: unknown
  readonly input_tokens: number | null
  readonly output_tokens: number | null
  readonly cost_usd: number | null
  readonly error: string | null
  readonly prompt: string
}

/**
 * What `owf batch submit` was asked for.
 * @category models
 * @since 0.1.0
 */
export interface BatchSubmitRequest {
  readonly home: string
  readonly file: string
  readonly provider: string
  readonly model: string | undefined
}

/**
 * What is known when a batch was written down.
 * @category models
 * @since 0.1.0
 */
export interface BatchStoredView {
  readonly batch_id: string
  readonly unused_keys: ReadonlyArray<string>
}

/**
 * What the commands about batches do; functions that are handed over are called while they do it.
 * @category models
 * @since 0.1.0
 */
export interface BatchHost {
  /** Stores a batch, tells its id, and sends it. */
  readonly submit: (request: BatchSubmitRequest, stored: (view: BatchStoredView) => void) => Promise<BatchView>
  /** Asks the vendor how a batch is. */
  readonly status: (home: string, id: string) => Promise<BatchView>
  /** Takes a batch as far as it goes now, its results included. */
  readonly advance: (home: string, id: string) => Promise<BatchView>
  /** Takes it further until it is done, asking every so many seconds, or until a time is over. */
  readonly wait: (
    home: string,
    id: string,
    options: {
      readonly everySeconds: number
      readonly timeoutSeconds: number | undefined
      readonly standing: (view: BatchView) => void
    }
  ) => Promise<BatchView>
  /** `giveUp`: also jobs of which the vendor cannot say whether it has them. */
  readonly cancel: (home: string, id: string, giveUp: boolean) => Promise<BatchView>
  readonly list: (home: string) => Promise<ReadonlyArray<BatchView>>
  /** Hands over what came of the requests, in their order, a few at a time. */
  readonly rows: (
    home: string,
    id: string,
    take: (rows: ReadonlyArray<BatchRowView>) => Promise<void>
  ) => Promise<void>
}
