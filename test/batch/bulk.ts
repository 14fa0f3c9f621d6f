import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Readable } from "node:stream"
import type { BatchApi, ResultFile } from "open-agent-workflows/batch/Batch"
import type { Asked, Vendor } from "./vendor.ts"

/** Text again and again, up to so many bytes. */
export const endless = (text: string, bytes = Infinity): Readable => {
  const chunk = Buffer.from(text.repeat(Math.ceil(1_048_576 / text.length)))
  let sent = 0
  return new Readable({
    read() {
      const isEnd = sent >= bytes
      sent += chunk.length
      this.push(isEnd ? null : chunk)
    }
  })
}

const megabyte = 1_048_576

/** Downloads 200 MB of a line and shows that memory does not grow by a fraction of that. */
export const drain = (
  { api, file, isDownload, line, vendor }: {
    readonly api: BatchApi
    readonly vendor: Vendor
    readonly file: ResultFile
    readonly line: string
    readonly isDownload: (asked: Asked) => boolean
  }
) =>
  Effect.gen(function*() {
    vendor.fault = (asked) =>
      isDownload(asked) ? { status: 200, body: endless(`${line}\n`, 200 * megabyte) } : undefined
    const before = process.memoryUsage.rss()
    let most = before
    let count = 0
    const { bytes } = yield* api.download(file, 0)
    yield* Stream.runForEach(bytes, (chunk) =>
      Effect.sync(() => {
        count += chunk.length
        most = Math.max(most, process.memoryUsage.rss())
      }))
    assert.isTrue(count >= 200 * megabyte)
    assert.isBelow((most - before) / megabyte, 120)
  })
