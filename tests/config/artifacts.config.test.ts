import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { type ConfigError, loadConfig } from '@/config.js'

const variables = {
  ARTIFACTS_S3_BUCKET: 'results',
  ARTIFACTS_S3_REGION: 'eu-central-1',
  ARTIFACTS_S3_ENDPOINT: 'https://minio.test',
  ARTIFACTS_S3_PUBLIC_ENDPOINT: 'https://files.test',
  ARTIFACTS_S3_PREFIX: 'some/where/',
  ARTIFACTS_S3_FORCE_PATH_STYLE: 'false',
  ARTIFACTS_S3_ACCESS_KEY_ID: 'the-id',
  ARTIFACTS_S3_SECRET_ACCESS_KEY: 'the-secret',
}

const artifacts = (env: Record<string, string>) => loadConfig({ mode: 'local', env }).components.artifacts

function problems(env: Record<string, string>): string[] {
  try {
    artifacts(env)
    return []
  } catch (error) {
    return (error as ConfigError).problems.map(({ path, message, remedy }) => `${path}: ${message}. ${remedy}`)
  }
}

it('keeps results in a folder, unless a bucket is named', () => {
  expect(artifacts({})).toEqual({ dir: '.data/artifacts' })
  expect(artifacts({ ARTIFACTS_DIR: '/results' })).toEqual({ dir: '/results' })
})

it('needs little on AWS, and less elsewhere', () => {
  expect(artifacts({ ARTIFACTS_S3_BUCKET: 'results', ARTIFACTS_S3_REGION: 'eu-central-1' }).s3).toEqual({
    bucket: 'results',
    region: 'eu-central-1',
    prefix: 'artifacts/',
    forcePathStyle: false,
  })
  expect(artifacts({ ARTIFACTS_S3_BUCKET: 'results', ARTIFACTS_S3_ENDPOINT: 'https://minio.test' }).s3).toMatchObject({
    endpoint: 'https://minio.test',
    region: 'us-east-1',
    forcePathStyle: true,
  })
})

it('has a variable for each option, and a row in the documentation', () => {
  expect(artifacts(variables).s3).toEqual({
    bucket: 'results',
    region: 'eu-central-1',
    endpoint: 'https://minio.test',
    publicEndpoint: 'https://files.test',
    prefix: 'some/where/',
    forcePathStyle: false,
    credentials: { accessKeyId: 'the-id', secretAccessKey: 'the-secret' },
  })
  const documented = readFileSync('docs/configuration.md', 'utf8')
  const { s3 } = JSON.parse(readFileSync('app.config.json', 'utf8')).components.artifacts
  expect(Object.keys(s3)).toHaveLength(Object.keys(variables).length)
  for (const name of [...Object.keys(s3).map((key) => `s3.${key}`), ...Object.keys(variables)]) {
    expect(documented).toContain(`\`${name}\``)
  }
})

it.each<[Record<string, string>, string]>([
  [
    { ARTIFACTS_S3_ENDPOINT: 'https://minio.test' },
    'bucket: is needed when another option of s3 is given. Set ARTIFACTS_S3_BUCKET in the environment.',
  ],
  [
    { ARTIFACTS_S3_BUCKET: 'results' },
    'region: is needed on AWS, where no endpoint is given. Set ARTIFACTS_S3_REGION in the environment.',
  ],
  [
    { ...variables, ARTIFACTS_S3_SECRET_ACCESS_KEY: '' },
    'secretAccessKey: is needed with accessKeyId. Set ARTIFACTS_S3_SECRET_ACCESS_KEY in the environment.',
  ],
  [
    { ...variables, ARTIFACTS_S3_ACCESS_KEY_ID: '' },
    'accessKeyId: is needed with secretAccessKey. Set ARTIFACTS_S3_ACCESS_KEY_ID in the environment.',
  ],
  [
    { ...variables, ARTIFACTS_S3_ENDPOINT: 'minio:9000' },
    'endpoint: must be an http(s) URL. Correct ARTIFACTS_S3_ENDPOINT in the environment.',
  ],
  [
    { ...variables, ARTIFACTS_S3_PREFIX: '../up' },
    'prefix: must be empty, or folders that each end with a slash. Correct ARTIFACTS_S3_PREFIX in the environment.',
  ],
])('names what is wrong in %o', (env, problem) => {
  expect(problems(env)).toEqual([`components.artifacts.s3.${problem}`])
  expect(JSON.stringify(problems(env))).not.toMatch(/the-id|the-secret/)
})
