import { describe, expect, it } from 'vitest'
import { isWebhookSecret, webhookHeaders } from '@/lib/standard-webhooks.js'

/** Of the specification's own libraries. */
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const MESSAGE = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', timestamp: 1614265330, body: '{"test": 2432232314}' }
const SIGNATURE = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='

describe('webhookHeaders', () => {
  it('signs as the specification’s test vector has it', () => {
    expect(webhookHeaders([SECRET], MESSAGE)).toEqual({
      'content-type': 'application/json',
      'webhook-id': MESSAGE.id,
      'webhook-timestamp': '1614265330',
      'webhook-signature': SIGNATURE,
    })
  })

  it('signs with both secrets during a rotation', () => {
    const other = `whsec_${Buffer.alloc(24, 7).toString('base64')}`
    const [first, second, ...rest] = webhookHeaders([other, SECRET], MESSAGE)['webhook-signature']?.split(' ') ?? []
    expect([first?.startsWith('v1,'), first === SIGNATURE, second, rest]).toEqual([true, false, SIGNATURE, []])
  })
})

it.each([
  [SECRET, true],
  [`whsec_${Buffer.alloc(24).toString('base64')}`, true],
  [`whsec_${Buffer.alloc(23).toString('base64')}`, false],
  [`whsec_${Buffer.alloc(64).toString('base64')}`, true],
  [`whsec_${Buffer.alloc(65).toString('base64')}`, false],
  [SECRET.slice('whsec_'.length), false],
  [`${SECRET} `, false],
  ['whsec_', false],
])('whether %s is a secret: %s', (text, is) => {
  expect(isWebhookSecret(text)).toBe(is)
})
