/** Tasks of both providers, in a real main, beside the providers' simulators and a folder of artifacts. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { WorkflowHandle } from '@temporalio/client'
import type { TestWorkflowEnvironment } from '@temporalio/testing'
import { vi } from 'vitest'
import type { AttemptInput, AttemptOutcome } from '@/protocol/attempt.js'
import { attemptWorkflowId } from '@/protocol/names.js'
import { withOutcome } from '@/testing/run-outcome.js'
import { createArkSimulator, createImageGatewaySimulator, type Simulator } from '@/tools/simulators/index.js'
import { statusAt } from '../provider-kit/video-bench.js'
import { startTestMain, type TestMain } from '../support/main.js'

/** How long a video takes, by the simulator's clock. */
const LATENCY_MS = 60_000
const FAST = 100

export const KINDS = {
  video: {
    folder: 'fangzhouVideoGeneration',
    workflow: 'videoPollingWorkflow',
    reportAPI: 'reportFangzhouVideoResult',
    request: { duration: 2, ratio: '9:16' },
  },
  image: {
    folder: 'nanobanana2ImageGeneration',
    workflow: 'imageGenerationWorkflow',
    reportAPI: 'reportNanobanana2Result',
    request: {},
  },
} as const
export type Kind = keyof typeof KINDS

type AttemptHandle = WorkflowHandle<(input: AttemptInput) => Promise<AttemptOutcome>>

export interface RealTask {
  kind: Kind
  workflowId: string
  taskKey: string
  /** Starts its first attempt's workflow, as the daemon does. */
  start(taskQueue: string): Promise<AttemptHandle>
  /** As main shows it. */
  shown(): Promise<{ status: string; attempts: number; timeline: Array<{ type: string; attempt: number }> }>
  /** The creates that the provider accepted for it, in order. */
  creates(): string[]
  /** Its files, whole or not. */
  files(): Promise<string[]>
}

export class RealTasks {
  static async open(env: TestWorkflowEnvironment): Promise<RealTasks> {
    const clock = new StoppedClock()
    const ark = createArkSimulator({ latencyMs: LATENCY_MS, now: () => clock.now() })
    const gateway = createImageGatewaySimulator({ latencyMs: 0 })
    // They are all in flight at once.
    vi.stubEnv('ARK_MAX_TASKS_IN_FLIGHT', '100')
    const main = await startTestMain().finally(() => vi.unstubAllEnvs())
    const [{ url: arkUrl }, { url: gatewayUrl }] = await Promise.all([ark.start(), gateway.start()])
    const artifactsDir = await mkdtemp(join(tmpdir(), 'artifacts-'))
    return new RealTasks(env, main, ark, arkUrl, gateway, gatewayUrl, artifactsDir, clock)
  }

  private constructor(
    readonly env: TestWorkflowEnvironment,
    readonly main: TestMain,
    readonly ark: Simulator,
    readonly arkUrl: string,
    readonly gateway: Simulator,
    readonly gatewayUrl: string,
    readonly artifactsDir: string,
    private readonly clock: StoppedClock,
  ) {}

  /** A task that has been claimed for its first attempt. */
  async claimed(kind: Kind, prompt: string): Promise<RealTask> {
    const { main, env } = this
    const { folder, workflow, reportAPI, request } = KINDS[kind]
    const requestParams = { ...request, prompt }
    const taskKey = (await main.post(`/api/${kind}/generate`, requestParams)).body.taskId as string
    const apiCallId = await main.rowIdOf(taskKey, folder)
    const reportPath = `/api/${folder}/${reportAPI}`
    await main.internalPost(reportPath, { apiCallId, status: 'queued' })
    const workflowId = attemptWorkflowId(folder, apiCallId, taskKey, 1)
    const callbackUrl = `http://main.invalid${reportPath}`
    const input = { apiCallId, taskKey, attempt: 1, callbackUrl, requestParams }
    const { requests } = kind === 'video' ? this.ark : this.gateway
    return {
      kind,
      workflowId,
      taskKey,
      start: async (taskQueue) =>
        withOutcome(await env.client.workflow.start(workflow, { taskQueue, workflowId, args: [input] }), 1),
      shown: async () => (await main.get(`/api/${kind}/tasks/${taskKey}`)).body,
      creates: () =>
        requests.flatMap(({ created, body }) => (created && JSON.stringify(body).includes(prompt) ? [created] : [])),
      files: async () => (await readdir(this.artifactsDir)).filter((file) => file.includes(taskKey)).sort(),
    }
  }

  /** The provider's clock stands still: whatever is in the making now is finished by this, and nothing else. */
  finishVideos(): void {
    this.clock.forward(LATENCY_MS)
  }

  /** From now on every video is finished in little time. */
  makeVideosFast(): void {
    this.clock.run(FAST)
  }

  /** Of every video that was created, in order. */
  videosAtProvider(): Promise<Array<string | number>> {
    const ids = this.ark.requests.flatMap(({ created }) => created ?? [])
    return Promise.all(ids.map((id) => statusAt(this.arkUrl, id)))
  }

  async close(): Promise<void> {
    await Promise.all([this.main.stop(), this.ark.stop(), this.gateway.stop()])
    await rm(this.artifactsDir, { recursive: true, force: true })
  }
}

/** A clock that stands still, until it is told to run. */
class StoppedClock {
  #at = Date.now()
  #running: { since: number; speed: number } | undefined

  now(): number {
    return this.#at + (this.#running ? (Date.now() - this.#running.since) * this.#running.speed : 0)
  }

  forward(ms: number): void {
    this.#at += ms
  }

  run(speed: number): void {
    this.#running = { since: Date.now(), speed }
  }
}
