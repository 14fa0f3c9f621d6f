import type * as AnthropicBatches from "@anthropic-ai/sdk/resources/messages/batches"
import type * as Anthropic from "@anthropic-ai/sdk/resources/messages/messages"
import type { ModelInfo } from "@anthropic-ai/sdk/resources/models"
import type * as AnthropicShared from "@anthropic-ai/sdk/resources/shared"
import type * as Google from "@google/genai"
import type * as Schema from "effect/Schema"
import type * as OpenAiBatches from "openai/resources/batches"
import type * as OpenAi from "openai/resources/chat/completions/completions"
import type { CompletionUsage } from "openai/resources/completions"
import type { FileObject } from "openai/resources/files"
import type { ErrorObject } from "openai/resources/shared"
import { describe, expect, test } from "tstyche"
import type * as AnthropicBatchWire from "../../src/batch/AnthropicBatchWire.ts"
import type * as GeminiBatchWire from "../../src/batch/GeminiBatchWire.ts"
import type * as OpenAiBatchWire from "../../src/batch/OpenAiBatchWire.ts"
import type * as AnthropicWire from "../../src/provider/AnthropicWire.ts"
import type * as GeminiWire from "../../src/provider/GeminiWire.ts"
import type * as OpenAiWire from "../../src/provider/OpenAiWire.ts"

/** What is left of a value on the wire: nothing is read-only there, and what is undefined is absent. */
type Sent<T> = T extends ReadonlyArray<infer Item> ? Array<Sent<Item>>
  : T extends object ? { -readonly [Key in keyof T]: Sent<Exclude<T[Key], undefined>> }
  : T

/** What a schema reads. */
type Read<S extends Schema.Schema.Any> = Schema.Schema.Encoded<S>

describe("OpenAI's types", () => {
  type Body = Sent<typeof OpenAiWire.ChatRequest.Type>

  test("are there to be compared with", () => {
    expect<OpenAi.ChatCompletionCreateParamsStreaming>().type.not.toBeAssignableFrom<{ model: string }>()
    expect<Read<typeof OpenAiWire.UsageBody>>().type.not.toBeAssignableFrom<{ prompt_tokens: string }>()
  })

  test("take what is sent, streamed and whole", () => {
    expect<OpenAi.ChatCompletionCreateParamsStreaming>().type.toBeAssignableFrom<
      Omit<Body, "stream"> & { stream: true }
    >()
    expect<OpenAi.ChatCompletionCreateParamsNonStreaming>().type.toBeAssignableFrom<
      Omit<Body, "stream" | "stream_options">
    >()
    expect<Required<OpenAi.ChatCompletionCreateParamsBase>["response_format"]>().type.toBeAssignableFrom<
      Sent<typeof OpenAiWire.ResponseFormat.Type>
    >()
  })

  test("know every name that is sent", () => {
    expect<keyof OpenAi.ChatCompletionCreateParamsStreaming>().type.toBeAssignableFrom<keyof Body>()
  })

  test("are read", () => {
    type Whole = Omit<OpenAi.ChatCompletion, "choices"> & {
      choices: [OpenAi.ChatCompletion.Choice, ...Array<OpenAi.ChatCompletion.Choice>]
    }
    expect<Read<typeof OpenAiWire.ChatResponse>>().type.toBeAssignableFrom<Whole>()
    expect<Read<typeof OpenAiWire.ChatChunk>>().type.toBeAssignableFrom<OpenAi.ChatCompletionChunk>()
    expect<Read<typeof OpenAiWire.UsageBody>>().type.toBeAssignableFrom<CompletionUsage>()
    expect<Read<typeof OpenAiWire.ErrorObject>>().type.toBeAssignableFrom<ErrorObject>()
  })

  test("have the names that are read", () => {
    expect<keyof CompletionUsage.PromptTokensDetails>().type.toBeAssignableFrom<
      "cached_tokens" | "cache_write_tokens"
    >()
    expect<keyof OpenAi.ChatCompletionMessage>().type.toBeAssignableFrom<"content" | "refusal" | "tool_calls">()
    expect<keyof ErrorObject>().type.toBeAssignableFrom<keyof Read<typeof OpenAiWire.ErrorObject>>()
  })
})

describe("Anthropic's types", () => {
  type Body = Sent<typeof AnthropicWire.MessagesRequest.Type>

  test("are there to be compared with", () => {
    expect<Anthropic.MessageCreateParamsStreaming>().type.not.toBeAssignableFrom<{ model: string; stream: true }>()
    expect<Read<typeof AnthropicWire.Event>>().type.not.toBeAssignableFrom<{ type: "content_block_stop" }>()
  })

  test("take what is sent, streamed and whole", () => {
    expect<Anthropic.MessageCreateParamsStreaming>().type.toBeAssignableFrom<Body & { stream: true }>()
    expect<Anthropic.MessageCreateParamsNonStreaming>().type.toBeAssignableFrom<Omit<Body, "stream">>()
    expect<Anthropic.OutputConfig>().type.toBeAssignableFrom<NonNullable<Body["output_config"]>>()
    expect<Anthropic.Tool>().type.toBeAssignableFrom<NonNullable<Body["tools"]>[number]>()
    expect<Anthropic.ToolChoiceTool>().type.toBeAssignableFrom<NonNullable<Body["tool_choice"]>>()
  })

  test("know every name that is sent, and no temperature", () => {
    expect<keyof Anthropic.MessageCreateParamsStreaming>().type.toBeAssignableFrom<keyof Body>()
    expect<keyof Anthropic.OutputConfig>().type.toBeAssignableFrom<keyof NonNullable<Body["output_config"]>>()
    expect<keyof Anthropic.Tool>().type.toBeAssignableFrom<keyof NonNullable<Body["tools"]>[number]>()
    expect<keyof Anthropic.ToolChoiceTool>().type.toBeAssignableFrom<keyof NonNullable<Body["tool_choice"]>>()
    expect<keyof Anthropic.MessageCreateParamsStreaming>().type.not.toBeAssignableFrom<"temperature">()
  })

  test("are read", () => {
    expect<Read<typeof AnthropicWire.Event>>().type.toBeAssignableFrom<Anthropic.RawMessageStreamEvent>()
    expect<Read<typeof AnthropicWire.Message>>().type.toBeAssignableFrom<Anthropic.Message>()
    expect<Read<typeof AnthropicWire.ContentBlock>>().type.toBeAssignableFrom<Anthropic.ContentBlock>()
    expect<Read<typeof AnthropicWire.UsageBody>>().type.toBeAssignableFrom<Anthropic.Usage>()
    expect<Read<typeof AnthropicWire.UsageBody>>().type.toBeAssignableFrom<Anthropic.MessageDeltaUsage>()
    expect<Read<typeof AnthropicWire.ErrorBody>>().type.toBeAssignableFrom<AnthropicShared.ErrorResponse>()
    expect<Read<typeof AnthropicWire.ModelInfo>>().type.toBeAssignableFrom<ModelInfo>()
  })

  test("have the names that are read", () => {
    expect<keyof Anthropic.Usage>().type.toBeAssignableFrom<keyof Read<typeof AnthropicWire.UsageBody>>()
    expect<keyof Anthropic.MessageDeltaUsage>().type.toBeAssignableFrom<keyof Read<typeof AnthropicWire.UsageBody>>()
    expect<keyof Anthropic.Message>().type.toBeAssignableFrom<keyof Read<typeof AnthropicWire.Message>>()
    expect<keyof Anthropic.RefusalStopDetails>().type.toBeAssignableFrom<"category" | "explanation">()
    expect<keyof Anthropic.ToolUseBlock>().type.toBeAssignableFrom<"name" | "input">()
    expect<keyof Anthropic.InputJSONDelta>().type.toBeAssignableFrom<"partial_json">()
    expect<keyof ModelInfo>().type.toBeAssignableFrom<keyof Read<typeof AnthropicWire.ModelInfo>>()
  })

  test("have no event that an answer is built from and that is not read", () => {
    expect<Read<typeof AnthropicWire.Event>["type"]>().type.toBe<Anthropic.RawMessageStreamEvent["type"]>()
  })
})

describe("Google's types", () => {
  type Body = Sent<typeof GeminiWire.GenerateRequest.Type>
  type Config = NonNullable<Body["generationConfig"]>
  type Piece = Read<typeof GeminiWire.GenerateResponse>
  type Candidate = NonNullable<Piece["candidates"]>[number]

  test("are there to be compared with", () => {
    expect<Google.GenerationConfig>().type.not.toBeAssignableFrom<{ maxOutputTokens: string }>()
    expect<Read<typeof GeminiWire.UsageMetadata>>().type.not.toBeAssignableFrom<{ promptTokenCount: string }>()
  })

  test("take what is sent", () => {
    expect<Array<Google.Content>>().type.toBeAssignableFrom<Body["contents"]>()
    expect<Google.Content>().type.toBeAssignableFrom<NonNullable<Body["systemInstruction"]>>()
    expect<Google.GenerationConfig>().type.toBeAssignableFrom<Config>()
    expect<Google.GenerateContentConfig>().type.toBeAssignableFrom<Config>()
  })

  test("know every name that is sent", () => {
    expect<keyof Google.GenerationConfig>().type.toBeAssignableFrom<keyof Config>()
    expect<keyof Google.Content>().type.toBeAssignableFrom<keyof Body["contents"][number]>()
    expect<"contents" | "systemInstruction" | "generationConfig">().type.toBe<keyof Body>()
  })

  test("are read", () => {
    expect<Piece>().type.toBeAssignableFrom<Google.GenerateContentResponse>()
    expect<Candidate>().type.toBeAssignableFrom<Google.Candidate>()
    expect<Read<typeof GeminiWire.UsageMetadata>>().type.toBeAssignableFrom<
      Google.GenerateContentResponseUsageMetadata
    >()
  })

  test("have the names that are read", () => {
    expect<keyof Google.GenerateContentResponse>().type.toBeAssignableFrom<keyof Piece>()
    expect<keyof Google.Candidate>().type.toBeAssignableFrom<keyof Candidate>()
    expect<keyof Google.Part>().type.toBeAssignableFrom<"text" | "thought" | "functionCall">()
    expect<keyof Google.GenerateContentResponseUsageMetadata>().type.toBeAssignableFrom<
      keyof Read<typeof GeminiWire.UsageMetadata>
    >()
    expect<keyof Google.GenerateContentResponsePromptFeedback>().type.toBeAssignableFrom<"blockReason">()
  })
})

describe("OpenAI's types of batches", () => {
  type Batch = Read<typeof OpenAiBatchWire.Batch>

  test("are there to be compared with", () => {
    expect<OpenAiBatches.BatchCreateParams>().type.not.toBeAssignableFrom<{ input_file_id: string }>()
    expect<Batch>().type.not.toBeAssignableFrom<{ id: string }>()
  })

  test("take what is sent", () => {
    expect<OpenAiBatches.BatchCreateParams>().type.toBeAssignableFrom<Sent<typeof OpenAiBatchWire.CreateBatch.Type>>()
    expect<keyof OpenAiBatches.BatchCreateParams>().type.toBeAssignableFrom<
      keyof typeof OpenAiBatchWire.CreateBatch.Type
    >()
    expect<OpenAiBatches.BatchCreateParams["endpoint"]>().type.toBeAssignableFrom<
      (typeof OpenAiBatchWire.InputLine.Type)["url"]
    >()
  })

  test("are read", () => {
    expect<Batch>().type.toBeAssignableFrom<OpenAiBatches.Batch>()
    expect<Read<typeof OpenAiBatchWire.FileObject>>().type.toBeAssignableFrom<FileObject>()
  })

  test("have the names and words that are read", () => {
    expect<keyof OpenAiBatches.Batch>().type.toBeAssignableFrom<keyof Batch>()
    expect<OpenAiBatches.Batch["status"]>().type.toBe<
      | "validating"
      | "failed"
      | "in_progress"
      | "finalizing"
      | "completed"
      | "expired"
      | "cancelling"
      | "cancelled"
    >()
  })
})

describe("Anthropic's types of batches", () => {
  type Request = Sent<typeof AnthropicBatchWire.BatchRequest.Type>
  type Params = Omit<Request["params"], "stream">
  type Result = Read<typeof AnthropicBatchWire.ResultLine>

  test("are there to be compared with", () => {
    expect<AnthropicBatches.BatchCreateParams.Request>().type.not.toBeAssignableFrom<{ custom_id: string }>()
    expect<Read<typeof AnthropicBatchWire.MessageBatch>>().type.not.toBeAssignableFrom<{ id: string }>()
  })

  test("take what is sent", () => {
    expect<AnthropicBatches.BatchCreateParams.Request>().type.toBeAssignableFrom<
      { custom_id: Request["custom_id"]; params: Params }
    >()
    expect<AnthropicBatches.BatchCreateParams>().type.toBeAssignableFrom<
      { requests: Array<{ custom_id: Request["custom_id"]; params: Params }> }
    >()
  })

  test("know every name that is sent", () => {
    expect<keyof AnthropicBatches.BatchCreateParams>().type.toBeAssignableFrom<
      keyof typeof AnthropicBatchWire.CreateBatch.Type
    >()
    expect<keyof AnthropicBatches.BatchCreateParams.Request>().type.toBe<keyof Request>()
  })

  test("are read", () => {
    expect<Read<typeof AnthropicBatchWire.MessageBatch>>().type.toBeAssignableFrom<AnthropicBatches.MessageBatch>()
    expect<Result>().type.toBeAssignableFrom<AnthropicBatches.MessageBatchIndividualResponse>()
    expect<Read<typeof AnthropicBatchWire.BatchPage>["data"]>().type.toBeAssignableFrom<
      AnthropicBatches.MessageBatchesPage["data"]
    >()
  })

  test("have the names that are read", () => {
    expect<keyof AnthropicBatches.MessageBatch>().type.toBeAssignableFrom<
      keyof Read<typeof AnthropicBatchWire.MessageBatch>
    >()
    expect<keyof AnthropicBatches.MessageBatchesPage>().type.toBeAssignableFrom<
      keyof Read<typeof AnthropicBatchWire.BatchPage>
    >()
    expect<keyof AnthropicBatches.MessageBatchSucceededResult>().type.toBeAssignableFrom<"type" | "message">()
    expect<keyof AnthropicBatches.MessageBatchErroredResult>().type.toBeAssignableFrom<"type" | "error">()
    expect<Read<typeof AnthropicWire.ErrorBody>>().type.toBeAssignableFrom<
      AnthropicBatches.MessageBatchErroredResult["error"]
    >()
  })

  test("have the counts and words that a batch is understood by, and no others", () => {
    expect<keyof Read<typeof AnthropicBatchWire.RequestCounts>>().type.toBe<
      keyof AnthropicBatches.MessageBatchRequestCounts
    >()
    expect<AnthropicBatches.MessageBatch["processing_status"]>().type.toBe<"in_progress" | "canceling" | "ended">()
    expect<AnthropicBatches.MessageBatchResult["type"]>().type.toBe<"succeeded" | "errored" | "canceled" | "expired">()
  })
})

describe("Google's types of batches", () => {
  type Metadata = NonNullable<Read<typeof GeminiBatchWire.Operation>["metadata"]>
  type Inlined = Read<typeof GeminiBatchWire.InlinedResponse>

  test("are there to be compared with", () => {
    expect<Inlined>().type.not.toBeAssignableFrom<{ error: { code: string } }>()
    expect<keyof Google.BatchJob>().type.not.toBeAssignableFrom<"batchStats">()
  })

  test("take what is sent", () => {
    expect<Google.CreateBatchJobConfig>().type.toBeAssignableFrom<
      Sent<Pick<(typeof GeminiBatchWire.CreateBatch.Type)["batch"], "displayName">>
    >()
    expect<Google.BatchJobSource>().type.toBeAssignableFrom<
      Sent<(typeof GeminiBatchWire.CreateBatch.Type)["batch"]["inputConfig"]>
    >()
    expect<Google.UploadFileConfig>().type.toBeAssignableFrom<
      Sent<(typeof GeminiBatchWire.StartUpload.Type)["file"]>
    >()
  })

  test("are read", () => {
    expect<Inlined>().type.toBeAssignableFrom<Google.InlinedResponse>()
    expect<Read<typeof GeminiBatchWire.Status>>().type.toBeAssignableFrom<Google.JobError>()
    expect<Read<typeof GeminiBatchWire.Uploaded>["file"]>().type.toBeAssignableFrom<
      Google.File & { name: string }
    >()
    expect<Pick<Metadata, "displayName" | "state">>().type.toBeAssignableFrom<Google.BatchJob>()
  })

  test("have the names that are read", () => {
    expect<keyof Google.BatchJob>().type.toBeAssignableFrom<"name" | "displayName" | "state" | "error">()
    expect<keyof Google.InlinedResponse>().type.toBeAssignableFrom<keyof Inlined>()
    expect<keyof Google.File>().type.toBeAssignableFrom<keyof Read<typeof GeminiBatchWire.Uploaded>["file"]>()
    expect<keyof typeof Google.JobState>().type.toBeAssignableFrom<
      `JOB_STATE_${typeof GeminiBatchWire.LateState.Type}`
    >()
  })
})
