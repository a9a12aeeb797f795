import { describe, expect, it } from 'vitest'
import { createApplicationIntegrations } from '@/application/integrations.js'
import { application } from '@/application.js'
import * as backend from '@/backend/index.js'
import { loadConfig } from '@/config.js'
import { sources } from '@/integrations/entries/sources.js'
import { isPublicAddress, publicHttpUrl, type UserUrlOptions } from '@/lib/public-url.js'

it.each([
  ['this machine', '127.0.0.1'],
  ['this machine', '127.8.9.10'],
  ['this machine', '::1'],
  ['this machine, mapped', '::ffff:127.0.0.1'],
  ['this machine, in the oldest form', '::7f00:1'],
  ['this machine, translated', '64:ff9b::7f00:1'],
  ['this machine, translated locally', '64:ff9b:1::7f00:1'],
  ['this machine, by SIIT', '::ffff:0:7f00:1'],
  ['this machine, by 6to4', '2002:7f00:1::'],
  ['Teredo', '2001:0:7f00:1::1'],
  ['private', '10.0.0.1'],
  ['private', '172.16.0.1'],
  ['private', '172.31.255.255'],
  ['private', '192.168.1.1'],
  ['private, mapped', '::ffff:10.0.0.1'],
  ['unique local', 'fd12:3456::1'],
  ['site local', 'fec0::1'],
  ['link-local', '169.254.1.1'],
  ['link-local', 'fe80::1'],
  ['link-local with its interface', 'fe80::1%eth0'],
  ['shared by a carrier', '100.64.0.1'],
  ['multicast', '224.0.0.1'],
  ['multicast', 'ff02::1'],
  ['unspecified', '0.0.0.0'],
  ['unspecified', '0.1.2.3'],
  ['unspecified', '::'],
  ['broadcast', '255.255.255.255'],
  ['reserved', '240.0.0.1'],
  ['for documentation', '192.0.2.1'],
  ['for documentation', '2001:db8::1'],
  ['for benchmarks', '198.18.0.1'],
  ['unassigned', '4000::1'],
  ['metadata of AWS, GCP and others', '169.254.169.254'],
  ['metadata of AWS', 'fd00:ec2::254'],
  ['metadata of Alibaba', '100.100.100.200'],
  ['metadata of Volcengine', '100.96.0.96'],
  ['metadata of Oracle', '192.0.0.192'],
  ['metadata of Azure', '168.63.129.16'],
  ['no address', 'example.org'],
])('%s is not public: %s', (_what, address) => expect(isPublicAddress(address)).toBe(false))

it.each(['8.8.8.8', '1.1.1.1', '172.32.0.1', '100.128.0.1', '2606:4700:4700::1111', '2a00:1450::1'])(
  'is public: %s',
  (address) => expect(isPublicAddress(address)).toBe(true),
)

describe('publicHttpUrl', () => {
  const said = (url: string, options?: UserUrlOptions) =>
    publicHttpUrl(options)
      .safeParse(url)
      .error?.issues.map(({ message }) => message)
  const PRIVATE = ['must not lead to this machine or a private network']

  it.each(['https://example.org/a.png?b=c', 'http://8.8.8.8:8080/', 'https://localhost.example.org/'])(
    'takes %s',
    (url) => expect(said(url)).toBeUndefined(),
  )

  it.each([
    'http://localhost:3000/a.png',
    'http://LOCALHOST./',
    'http://a.localhost/',
    'http://127.0.0.1/',
    'http://2130706433/',
    'http://0x7f.0.0.1/',
    'http://0177.1/',
    'http://127.1/',
    'http://127.0.0.1./',
    'http://[::1]/',
    'http://[::ffff:7f00:1]/',
    'http://169.254.169.254/latest/meta-data',
    'http://10.1.2.3/',
    'http://main:3000/',
    'http://main./',
    'http://MINIO:9000/a.png',
    'http://kubernetes.default.svc/',
    'http://kubernetes.default.svc.cluster.local/',
    'http://metadata.google.internal/',
    'http://printer.local/',
    'http://router.home.arpa/',
  ])('refuses %s, and takes it where private addresses are allowed', (url) => {
    expect(said(url)).toEqual(PRIVATE)
    expect(said(url, { allowPrivateUrls: true })).toBeUndefined()
  })

  it.each([
    ['ftp://example.org/', ['must be an http(s) URL']],
    ['javascript:alert(1)', ['must be an http(s) URL']],
    ['nothing', ['must be an http(s) URL']],
    ['https://anna:secret@example.org/', ['must not contain a user name or a password']],
  ])('refuses %s', (url, message) => {
    expect(said(url)).toEqual(message)
    expect(said(url, { allowPrivateUrls: true })).toEqual(message)
  })

  it('takes private hosts that are named, and no other', () => {
    const options = { userUrlHosts: ['minio', '10.0.0.7', '::1'] }
    for (const url of ['http://minio:9000/a.png', 'http://minio./', 'http://10.0.0.7/', 'http://[::1]/']) {
      expect(said(url, options), url).toBeUndefined()
    }
    for (const url of ['http://main/', 'http://a.minio.local/', 'http://10.0.0.8/']) {
      expect(said(url, options), url).toEqual(PRIVATE)
    }
  })

  it('refuses what is too long to be stored', () => {
    expect(said(`https://example.org/${'a'.repeat(4000)}`)).toHaveLength(1)
  })
})

describe('a request to the application', () => {
  const url = 'http://127.0.0.1:3000/artifacts/image-a-1.png'
  const requests = [
    ['video', { prompt: 'a kite', firstFrameUrl: url }, 'firstFrameUrl'],
    ['video', { prompt: 'a kite', referenceImageUrls: [url] }, 'referenceImageUrls.0'],
    ['image', { prompt: 'a kite', referenceImages: [url] }, 'referenceImages.0'],
  ] as const

  const usual = loadConfig({ mode: 'local', env: {} })

  async function complaints(mode: 'local' | 'prod', namespace: string, request: object, config = usual) {
    const Integrations = createApplicationIntegrations(application, sources, { ...config, mode })
    const model = { entities: [...backend.entities], relations: [], activities: [], interactions: [], dict: [] }
    const integrations = new Integrations(model)
    await integrations.configure()
    const api = integrations.createAPIs().find((one) => one.namespace === namespace && one.name === 'generate')
    if (!api?.params) throw new Error(`no API to ask for a ${namespace}`)
    const { error } = api.params.safeParse(request)
    return (error?.issues ?? []).map(({ path, message }) => `${path.join('.')} ${message}`)
  }

  it.each(requests)('of a %s may name this machine, unless it is in production', async (namespace, request, field) => {
    expect(await complaints('local', namespace, request)).toEqual([])
    const complaint = `${field} must not lead to this machine or a private network`
    expect(await complaints('prod', namespace, request)).toEqual([complaint])
  })

  it('may name a private host that the configuration names, in production too', async () => {
    const config = loadConfig({ mode: 'local', env: { IMAGE_USER_URL_HOSTS: 'minio' } })
    const request = { prompt: 'a kite', referenceImages: ['http://minio:9000/a.png'] }
    expect(await complaints('prod', 'image', request, config)).toEqual([])
    expect(await complaints('prod', 'image', request)).toHaveLength(1)
    const wrong = { env: { IMAGE_USER_URL_HOSTS: 'http://minio' }, mode: 'local' }
    expect(() => loadConfig(wrong)).toThrow('userUrlHosts.0: must be a host as it stands in a URL')
  })
})
