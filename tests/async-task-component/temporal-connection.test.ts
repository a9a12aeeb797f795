import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NativeConnection } from '@temporalio/worker'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { workerConnection } from '@/async-task-component/temporal-connection.js'
import { temporalTarget } from '@/lib/temporal-client.js'
import { eventually } from '../support/eventually.js'

const configured = { address: 'configured:7233', namespace: 'configured' }
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'temporal-profile-'))
})

afterEach(() => rm(folder, { recursive: true }))

/** Nothing of this machine's own profile. */
const target = (env: NodeJS.ProcessEnv) => temporalTarget(configured, { HOME: folder, XDG_CONFIG_HOME: folder, ...env })

describe('temporalTarget', () => {
  it('is what the application configures, unsecured, where nothing else is said', () => {
    expect(target({})).toEqual({ ...configured, security: {} })
  })

  it('follows the variables that every Temporal tool knows', () => {
    expect(target({ TEMPORAL_ADDRESS: 'elsewhere:7233', TEMPORAL_NAMESPACE: 'other' })).toEqual({
      address: 'elsewhere:7233',
      namespace: 'other',
      security: {},
    })
  })

  it('turns TLS on with an API key', () => {
    expect(target({ TEMPORAL_API_KEY: 'a-key' }).security).toEqual({ apiKey: 'a-key', tls: true })
  })

  it('reads the profile file, which variables win over', async () => {
    const file = join(folder, 'temporal.toml')
    await writeFile(file, '[profile.default]\naddress = "profiled:7233"\nnamespace = "profiled"\n')
    const env = { TEMPORAL_CONFIG_FILE: file, TEMPORAL_NAMESPACE: 'from-variable' }

    expect(target(env)).toMatchObject({ address: 'profiled:7233', namespace: 'from-variable' })
  })

  it('takes client certificates', async () => {
    const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
    await writeFile(cert, 'CERT')
    await writeFile(key, 'KEY')
    const { tls } = target({ TEMPORAL_TLS_CLIENT_CERT_PATH: cert, TEMPORAL_TLS_CLIENT_KEY_PATH: key }).security

    const pair = (tls as { clientCertPair: { crt: Uint8Array; key: Uint8Array } }).clientCertPair
    expect(Buffer.from(pair.crt).toString()).toBe('CERT')
    expect(Buffer.from(pair.key).toString()).toBe('KEY')
  })
})

describe('workerConnection', () => {
  it('does not wait once it is aborted, and closes the connection that comes all the same', async () => {
    const close = vi.fn(async () => undefined)
    let come: (connection: NativeConnection) => void = () => undefined
    const connect = vi.spyOn(NativeConnection, 'connect')
    connect.mockReturnValue(new Promise((resolve) => (come = resolve)))
    const stopping = new AbortController()
    const connecting = workerConnection('configured:7233', {}, stopping.signal)
    stopping.abort(new Error('stopped'))

    await expect(connecting).rejects.toThrow('stopped')
    come({ close } as unknown as NativeConnection)
    await eventually(() => expect(close).toHaveBeenCalledOnce())
    connect.mockRestore()
  })
})
