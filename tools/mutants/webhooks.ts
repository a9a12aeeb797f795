import type { Mutant } from './mutant.js'

const SIGNING = 'lib/standard-webhooks.ts'
const QUEUE = 'tasks/webhooks.ts'
const SENDING = 'main-component/webhooks.ts'

const UNIT = ['tests/lib/standard-webhooks.test.ts']
const SENT = ['tests/main-component/webhooks.test.ts']
const OVER_HTTP = ['tests/main-component/webhooks-over-http.test.ts']

/** How a webhook is signed, to whom it is sent, and when it is sent again. */
export const WEBHOOKS_RULES: Mutant[] = [
  {
    name: 'webhook-signed-without-its-time',
    file: SIGNING,
    from: '`${id}.${timestamp}.${body}`',
    to: '`${id}.${body}`',
    tests: UNIT,
  },
  {
    name: 'webhook-signed-with-one-secret',
    file: SIGNING,
    from: 'secrets.map(',
    to: 'secrets.slice(0, 1).map(',
    tests: UNIT,
  },
  {
    name: 'webhook-claimed-without-a-lease',
    file: QUEUE,
    from: '${NOW} + ${LEASE_SECONDS}',
    to: '${NOW}',
    tests: SENT,
  },
  {
    name: 'webhook-refused-and-forgotten',
    file: QUEUE,
    from: "if (type === 'webhookFailed') this.due.wake()",
    to: '',
    tests: SENT,
  },
  {
    name: 'webhook-looked-for-late',
    file: SENDING,
    from: 'Math.min(Math.max(dueInMs, BETWEEN_LOOKS_MS), LOOK_EVERY_MS)',
    to: 'LOOK_EVERY_MS',
    tests: SENT,
  },
  {
    name: 'webhook-noted-after-the-lease',
    file: QUEUE,
    from: 'this.#write(id, nextTryAt, progress, lease)',
    to: 'this.#write(id, nextTryAt, progress)',
    tests: SENT,
  },
  {
    name: 'webhook-of-every-failed-attempt',
    file: QUEUE,
    from: 'const ended = isFinal(last.after)',
    to: "const ended = isFinal(last.after) || last.after.status === 'failed'",
    tests: SENT,
  },
  {
    name: 'webhook-of-a-retried-task',
    file: QUEUE,
    from: 'ended ? last.at : null',
    to: 'last.at',
    tests: SENT,
  },
  {
    name: 'webhook-retry-after-ignored',
    file: QUEUE,
    from: 'Math.max(backoff(RETRIES, tries), retryAfterSeconds)',
    to: 'backoff(RETRIES, tries)',
    tests: SENT,
  },
  {
    name: 'webhook-never-given-up',
    file: QUEUE,
    from: 'if (gone || now >= last) return null',
    to: 'if (gone) return null',
    tests: SENT,
  },
  {
    name: 'webhook-sent-to-who-is-gone',
    file: QUEUE,
    from: 'if (gone || now >= last) return null',
    to: 'if (now >= last) return null',
    tests: SENT,
  },
  {
    name: 'webhook-sent-inside-by-name',
    file: SENDING,
    from: 'mayConnectTo: allowedAddresses({ userUrlHosts: privateHosts })',
    to: 'mayConnectTo: () => true',
    tests: SENT,
  },
  {
    name: 'webhook-taken-by-a-redirect',
    file: SENDING,
    from: 'statusCode < 300',
    to: 'statusCode < 400',
    tests: SENT,
  },
  {
    name: 'webhook-over-plain-http',
    file: QUEUE,
    from: "!(isPrivate && url.protocol === 'http:')",
    to: "url.protocol !== 'http:'",
    tests: OVER_HTTP,
  },
  {
    name: 'task-removed-before-its-webhook',
    file: 'tasks/ended-tasks.ts',
    from: ' AND ${webhookDueAt} IS NULL',
    to: '',
    tests: SENT,
  },
]
