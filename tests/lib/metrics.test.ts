import { expect, it } from 'vitest'
import { boundedCodes } from '@/lib/metrics.js'
import { parseOpenMetrics } from '../support/openmetrics.js'

it('an error code is a label only where it is short and plain, and only fifty are, for each integration', () => {
  const bounded = boundedCodes()
  expect(bounded('alpha', 'RateLimitExceeded.Tpm')).toBe('RateLimitExceeded.Tpm')
  expect(bounded('alpha', 'user 42 said: hello')).toBe('other')
  expect(bounded('alpha', 'x'.repeat(81))).toBe('other')
  const many = Array.from({ length: 100 }, (_, index) => bounded('alpha', `code-${index}`))
  expect(new Set(many).size).toBe(50)
  expect(bounded('alpha', 'RateLimitExceeded.Tpm')).toBe('RateLimitExceeded.Tpm')
  expect(bounded('beta', 'code-99')).toBe('code-99')
})

it.each([
  ['no end', '# TYPE a gauge\na 1\n'],
  ['a counter without _total', '# TYPE a counter\na 1\n# EOF\n'],
  ['a series that comes twice', '# TYPE a gauge\na{x="1"} 1\na{x="1"} 2\n# EOF\n'],
  ['an unescaped quote', '# TYPE a gauge\na{x="1"2"} 1\n# EOF\n'],
  [
    'a histogram that shrinks',
    '# TYPE a histogram\na_bucket{le="1"} 2\na_bucket{le="+Inf"} 1\na_count 1\na_sum 1\n# EOF\n',
  ],
])('the strict reader does not take %s', (_what, text) => {
  expect(() => parseOpenMetrics(text)).toThrow()
})
