/** What this integration relies on of Ark, whoever answers: the provider or its simulator. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { loadConfig } from '@/config/load.js'
import type { ArkTask } from '@/integrations/fangzhouVideoGeneration/answers.js'
import { knownStatus } from '@/integrations/fangzhouVideoGeneration/answers.js'
import { carries } from '@/integrations/fangzhouVideoGeneration/request.js'
import type { VideoRequest } from '@/integrations/fangzhouVideoGeneration/schemas.js'
import { markOf } from '@/provider-kit/definition/marks.js'
import { type ProviderEndpoint, providerEndpoint } from '@/provider-kit/provider/config.js'
import { type ArkClient, createArkClient } from './ark-client.js'

/** What costs least that every model makes. */
const CHEAPEST: VideoRequest = { prompt: 'A grey wall', resolution: '480p', ratio: '1:1', duration: 4 }
const DEADLINE_SECONDS = 3600
const REQUEST_TIMEOUT_MS = 60_000

export interface LiveArk {
  endpoint: ProviderEndpoint
  /** How many creates may be accepted, and charged for. */
  maxCreates: number
}

/** The live provider, if the environment says how to reach it; else why it is left out. */
export function liveArk(env: Record<string, string | undefined>): LiveArk | { leftOut: string } {
  const missing = ['ARK_API_KEY', 'ARK_MODEL'].filter((name) => !env[name])
  if (missing.length > 0) return { leftOut: `not run: Ark's contract, live; it needs ${missing.join(' and ')}` }
  const { integrations } = loadConfig({ mode: 'local', env })
  return {
    endpoint: providerEndpoint(integrations.fangzhouVideoGeneration),
    maxCreates: z.coerce
      .number()
      .int()
      .min(0)
      .parse(env.ARK_LIVE_MAX_CREATES || 1),
  }
}

/** Registers the tests. Only the last one has anything made, if it may. */
export function arkContract(name: string, endpoint: () => ProviderEndpoint, maxCreates: number): void {
  const ark = (changes: Partial<ProviderEndpoint> = {}) => createArkClient({ ...endpoint(), ...changes })
  const soon = () => AbortSignal.timeout(REQUEST_TIMEOUT_MS)
  const newMark = () => markOf({ taskKey: crypto.randomUUID(), attempt: 1 })
  /** What is accepted against all expectation is taken back. */
  const create = async (client: ArkClient, request: VideoRequest): Promise<unknown> => {
    const { id } = await client.create(request, { mark: newMark(), deadlineSeconds: DEADLINE_SECONDS }, soon())
    await ark().delete(id, soon())
    return id
  }

  describe(name, () => {
    it('refuses a wrong key, which tells nothing of a task', async () => {
      const stranger = ark({ apiKey: '00000000-0000-0000-0000-000000000000' })
      await expect(create(stranger, CHEAPEST)).rejects.toMatchObject({ code: 'AuthenticationError', kind: 'refused' })
      const look = stranger.get('cgt-20260101000000-none', soon())
      await expect(look).rejects.toMatchObject({ code: 'AuthenticationError', kind: 'unavailable' })
    })

    it.each([
      ['no content', { duration: 4 }],
      ['a ratio and a resolution that there are not', { ...CHEAPEST, ratio: '2:1', resolution: '1p' }],
    ])('refuses %s', async (_case, request) => {
      await expect(create(ark(), request as VideoRequest)).rejects.toMatchObject({
        code: expect.stringMatching(/^(Missing|Invalid)Parameter/),
        kind: 'refused',
      })
    })

    it('refuses a model that there is not', async () => {
      await expect(create(ark({ model: 'no-such-model-000000' }), CHEAPEST)).rejects.toMatchObject({
        code: expect.stringMatching(/^(InvalidEndpointOrModel|ModelNotOpen)/),
        kind: 'refused',
      })
    })

    it('says that a task is not there', async () => {
      expect(await ark().get('cgt-20260101000000-none', soon())).toBeNull()
      expect(await ark().delete('cgt-20260101000000-none', soon())).toBe(false)
    })

    it('lists both service tiers, a full page at a time', async () => {
      for await (const task of ark().list(soon())) expect(task.id).not.toBe('')
    })

    if (maxCreates < 1) return

    it('makes what it was asked for: one task, told, listed by its mark, and taken back if it still can be', async () => {
      const mark = newMark()
      const { id } = await ark().create(CHEAPEST, { mark, deadlineSeconds: DEADLINE_SECONDS }, soon())

      const task = await ark().get(id, soon())
      if (!task) throw new Error(`${id} was created, and is not there`)
      expect(task.id).toBe(id)
      expect(knownStatus(task)).toBeDefined()
      expect(carries(task, mark), 'the mark comes back').toBe(true)

      await expect
        .poll(() => find(ark(), (listed) => carries(listed, mark)), { timeout: 60_000, interval: 2000 })
        .toMatchObject({ id })
      expect(await find(ark(), (listed) => listed.id === id)).toMatchObject({ id })

      if (await ark().delete(id, soon())) expect(await ark().get(id, soon())).toMatchObject({ status: 'cancelled' })
      else expect(knownStatus((await ark().get(id, soon())) ?? task)).not.toBe('queued')
    })
  })
}

async function find(ark: ArkClient, wanted: (task: ArkTask) => boolean): Promise<ArkTask | null> {
  for await (const task of ark.list(AbortSignal.timeout(REQUEST_TIMEOUT_MS))) {
    if (wanted(task)) return task
  }
  return null
}
