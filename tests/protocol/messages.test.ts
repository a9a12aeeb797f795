import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { TaskRequest } from '@/protocol/index.js'
import { reportSchema } from '@/protocol/messages.js'
import { refusal, rows, step } from './support.js'

const schema = reportSchema(z.unknown())
const failure = { status: 'failed', error: { code: 'x', message: 'y' }, retryable: true }
const ofRun = { apiCallId: '1', attempt: 1, runId: 'run-1', ...failure }
const ofProcessor = { apiCallId: '1', attempt: 1, fencingToken: 'some-token', ...failure }

describe('whom a report is from', () => {
  it('is told by its form, when it is parsed', () => {
    expect(schema.parse(ofRun)).toEqual({ ...ofRun, from: 'run' })
    expect(schema.parse(ofProcessor)).toEqual({ ...ofProcessor, from: 'processor' })
    expect(schema.parse({ apiCallId: '1', status: 'queued' })).toMatchObject({ from: 'processor' })
  })

  it('nobody says of themselves', () => {
    for (const report of [ofRun, ofProcessor]) {
      expect(schema.safeParse({ ...report, from: 'operator' }).success).toBe(false)
    }
    expect(schema.safeParse({ ...ofRun, ...ofProcessor }).success).toBe(false)
  })

  it('decides by which rules it is judged, whatever else is in it', () => {
    const runId = rows.processing.runId ?? ''
    const verdict = { ...ofProcessor, runId, from: 'processor' } as TaskRequest
    expect(refusal(step(rows.processing, verdict, 10).decision)).toBe('stale_token')
    expect(refusal(step(rows.processing, { ...verdict, from: 'run' } as TaskRequest, 10).decision)).toBe('accepted')
  })
})
