/** Parameters that could not be passed to their workflow are refused when the task is created. */
import { expect, it } from 'vitest'
import { MAX_BODY_BYTES } from '@/protocol/limits.js'
import { fitting } from '@/tasks/request-size.js'

/** As many bytes as JSON. */
const ofBytes = (bytes: number) => ({ text: 'ä'.repeat((bytes - '{"text":""}'.length) / 2) })

it('counts their bytes as JSON, not their characters', () => {
  const largest = ofBytes(MAX_BODY_BYTES - 1)
  expect(fitting(largest)).toBe(largest)
  const refused = { httpStatus: 400, body: expect.objectContaining({ reason: 'request_too_large' }) }
  expect(() => fitting(ofBytes(MAX_BODY_BYTES + 1))).toThrow(expect.objectContaining(refused))
})
