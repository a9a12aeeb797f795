import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { withTimeout } from '@/lib/abort.js'

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

let server: Server
let url: string

beforeEach(async () => {
  server = createServer(() => {
    // Never answers.
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterEach(() => {
  server.closeAllConnections()
  server.close()
})

describe('a timeout beside other signals', () => {
  it('comes although garbage is collected meanwhile', async () => {
    const collecting = setInterval(collectGarbage, 50)
    const asked = withTimeout(400, [new AbortController().signal], (signal) => fetch(url, { signal }))
    await expect(asked)
      .rejects.toThrow('No end within 400 ms')
      .finally(() => clearInterval(collecting))
  })

  it('gives way to a signal that aborts first, and leaves nothing on it', async () => {
    const controller = new AbortController()
    const asked = withTimeout(60_000, [controller.signal], (signal) => fetch(url, { signal }))
    await once(server, 'request')
    controller.abort(new Error('cancelled'))
    await expect(asked).rejects.toThrow('cancelled')
  })

  it('gives what the work gives', async () => {
    expect(await withTimeout(60_000, [], async () => 'done')).toBe('done')
  })
})
