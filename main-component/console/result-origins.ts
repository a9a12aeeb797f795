import type { ArtifactsConfig, S3Config } from '../../artifacts/config.js'

/** Where the console's page may show results from: where people reach main, and the bucket that it redirects to. */
export function resultOrigins(url: string, { s3 }: ArtifactsConfig): string[] {
  return [...new Set([new URL(url).origin, ...(s3 ? bucketOrigins(s3) : [])])]
}

function bucketOrigins({ bucket, region, endpoint, publicEndpoint, forcePathStyle }: S3Config): string[] {
  const { origin, protocol, host } = new URL(publicEndpoint ?? endpoint ?? `https://s3.${region}.amazonaws.com`)
  // The SDK names a bucket whose name has dots in the path, whatever is configured.
  return forcePathStyle || bucket.includes('.') ? [origin] : [`${protocol}//${bucket}.${host}`]
}
