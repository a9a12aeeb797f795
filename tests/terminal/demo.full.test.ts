/** `npm run demo -- --stay` as a person uses it. */
import { assert, expect, it } from 'vitest'
import { Terminal } from './terminal.js'

it('stays up when its tasks are done, tells how to sign in to the console, and ends in order at Ctrl-C', async () => {
  const terminal = new Terminal(['npm', 'run', 'demo', '--', '--stay'], {})
  await terminal.until('stay up')
  const [, url = '', token] =
    terminal.output.match(/console is at (\S+); its token is (\S+)/) ?? assert.fail(terminal.output)
  expect((await fetch(url)).status).toBe(200)
  const signedIn = await fetch(`${url}/session`, { method: 'POST', body: JSON.stringify({ token, name: 'ada' }) })
  expect(signedIn.status).toBe(200)
  const cookie = signedIn.headers.get('set-cookie')?.split(';')[0] ?? ''
  const listed = await fetch(new URL('/api/operator/tasks?status=completed', url), { headers: { cookie } })
  expect(((await listed.json()) as { tasks: unknown[] }).tasks).toHaveLength(3)
  terminal.pressCtrlC()
  expect(await terminal.exit).toBe(0)
  expect(terminal.output).toContain('{"created":3,"completed":3,"failed":0}')
})
