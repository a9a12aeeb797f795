/** The section `components.artifacts` of the configuration: where results are stored. */
import { z } from 'zod'
import { fromText } from '../lib/from-text.js'

const httpUrl = z.url({ protocol: /^https?$/, error: 'must be an http(s) URL' })
const text = z.string().min(1)

const s3Schema = z
  .strictObject({
    /** An S3-compatible service's address. Default: AWS's for the region. */
    endpoint: httpUrl.optional(),
    /** Where browsers reach `endpoint`, if at another address. Default: `endpoint`. */
    publicEndpoint: httpUrl.optional(),
    /** Default: `us-east-1` with an endpoint; required on AWS. */
    region: text.optional(),
    /** Without a bucket, results are files of `dir`. */
    bucket: text.optional(),
    /** Prefix of the objects' keys. Default: `artifacts/`. */
    prefix: z
      .string()
      .regex(/^([\w.-]+\/)*$/, 'must be empty, or folders that each end with a slash')
      .optional(),
    /** `endpoint/bucket/key` instead of `bucket.endpoint/key`. Default: true with an endpoint. */
    forcePathStyle: fromText(z.boolean()).optional(),
    /** Default, for both keys: the AWS SDK's own sources, such as the machine's role. */
    accessKeyId: text.optional(),
    secretAccessKey: text.optional(),
  })
  .superRefine(({ bucket, region, endpoint, accessKeyId, secretAccessKey, ...others }, context) => {
    const need = (field: string, when: string) =>
      context.addIssue({ code: 'custom', path: [field], message: `is needed ${when}` })
    if (bucket === undefined) {
      const given = [region, endpoint, accessKeyId, secretAccessKey, ...Object.values(others)]
      if (given.some((value) => value !== undefined)) need('bucket', 'when another option of s3 is given')
    } else if (region === undefined && endpoint === undefined) need('region', 'on AWS, where no endpoint is given')
    if (accessKeyId !== undefined && secretAccessKey === undefined) need('secretAccessKey', 'with accessKeyId')
    if (secretAccessKey !== undefined && accessKeyId === undefined) need('accessKeyId', 'with secretAccessKey')
  })
  .transform(({ bucket, accessKeyId, secretAccessKey, ...others }) => {
    if (bucket === undefined) return undefined
    return {
      bucket,
      region: 'us-east-1',
      prefix: 'artifacts/',
      forcePathStyle: others.endpoint !== undefined,
      ...others,
      ...(accessKeyId !== undefined &&
        secretAccessKey !== undefined && { credentials: { accessKeyId, secretAccessKey } }),
    }
  })

export const artifactsConfigSchema = z
  .strictObject({
    /** The folder where results are stored, and from which main serves them. */
    dir: z.string().default('.data/artifacts'),
    /** Stores results in this bucket instead, if it is named. */
    s3: s3Schema.optional(),
  })
  .transform(({ dir, s3 }) => ({ dir, ...(s3 && { s3 }) }))

export type ArtifactsConfig = z.output<typeof artifactsConfigSchema>
export type S3Config = NonNullable<ArtifactsConfig['s3']>
