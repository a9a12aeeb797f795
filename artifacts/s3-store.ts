import { createReadStream } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import {
  DeleteObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type PutObjectCommandInput,
  type S3Client,
} from '@aws-sdk/client-s3'
import { ApplicationFailure } from '@temporalio/activity'
import { withTimeout } from '../lib/abort.js'
import { type Backoff, backoff } from '../lib/backoff.js'
import type { S3Config } from './config.js'
import { type IncomingFile, prepareFolder, receive } from './incoming-file.js'
import { type ObjectPlace, replace } from './replace.js'
import { createS3Client } from './s3-client.js'
import { s3Failure } from './s3-errors.js'
import type { ArtifactStore } from './store.js'
import { beforeSpending } from './store-errors.js'

/** Time-out of a request that carries no object. */
const REQUEST_TIMEOUT_MS = 15_000
const UPLOAD_TIMEOUT_MS = 10 * 60_000
/** How often an upload is tried: its content may be impossible to make again for free. */
const UPLOAD_TRIES = 3
const BETWEEN_TRIES_MS: Backoff = { first: 1000, max: 2000 }
const PROBE = '.probe'

/**
 * Stores artifacts as objects of a bucket. Content is received into a temporary file first: only complete content, of
 * the right kind and size, is uploaded, with its checksum, in one request that stores the whole object or nothing. A
 * multipart upload would leave its parts behind if the process is killed.
 */
export class S3Store implements ArtifactStore, ObjectPlace {
  readonly #client: S3Client
  readonly #folder = join(tmpdir(), 'interaqt-artifacts')

  constructor(
    readonly config: S3Config,
    readonly mainUrl: string,
  ) {
    this.#client = createS3Client(config)
  }

  /** Tries every permission that `put` needs, with an empty object. */
  prepare(signal: AbortSignal): Promise<void> {
    return beforeSpending(
      (async () => {
        await prepareFolder(this.#folder)
        await this.keysOf(PROBE, signal)
        await this.#upload({ Key: this.#objectKey(PROBE), Body: '', ContentLength: 0 }, REQUEST_TIMEOUT_MS, signal)
        await this.remove(PROBE, signal)
      })(),
    )
  }

  put: ArtifactStore['put'] = (name, content, limits, signal) =>
    receive(this.#folder, name, content, limits, (file) => replace(this, name, file, this.mainUrl, signal))

  #objectKey(key: string): string {
    return this.config.prefix + key
  }

  /** The SDK does not retry a stream, because it cannot read it twice. */
  async store(file: IncomingFile, key: string, signal: AbortSignal): Promise<void> {
    for (let tries = 1; ; tries++) {
      const input = {
        Key: this.#objectKey(key),
        Body: createReadStream(file.path),
        ContentLength: file.bytes,
        ContentType: file.mimeType,
        ChecksumSHA256: Buffer.from(file.sha256, 'hex').toString('base64'),
        // For services that do not store the checksum.
        Metadata: { sha256: file.sha256 },
      }
      try {
        return await this.#upload(input, UPLOAD_TIMEOUT_MS, signal)
      } catch (error) {
        const mayPass = error instanceof ApplicationFailure && error.type === 'artifact_store_unavailable'
        if (!mayPass || tries === UPLOAD_TRIES) throw error
        await pause(backoff(BETWEEN_TRIES_MS, tries), undefined, { signal }).catch(() => {
          throw signal.reason
        })
      } finally {
        input.Body.destroy()
      }
    }
  }

  #upload(input: Omit<PutObjectCommandInput, 'Bucket'>, timeoutMs: number, signal: AbortSignal): Promise<void> {
    return this.#request('PutObject', timeoutMs, signal, async (abortSignal) => {
      await this.#client.send(new PutObjectCommand({ Bucket: this.config.bucket, ...input }), { abortSignal })
    })
  }

  keysOf(name: string, signal: AbortSignal): Promise<string[]> {
    return this.#request('ListBucket', REQUEST_TIMEOUT_MS, signal, async (abortSignal) => {
      const query = { Bucket: this.config.bucket, Prefix: this.#objectKey(`${name}.`) }
      const { Contents } = await this.#client.send(new ListObjectsV2Command(query), { abortSignal })
      return (Contents ?? []).flatMap(({ Key }) => Key?.slice(this.config.prefix.length) ?? [])
    })
  }

  remove(key: string, signal: AbortSignal): Promise<void> {
    return this.#request('DeleteObject', REQUEST_TIMEOUT_MS, signal, async (abortSignal) => {
      const command = new DeleteObjectCommand({ Bucket: this.config.bucket, Key: this.#objectKey(key) })
      await this.#client.send(command, { abortSignal })
    })
  }

  /** @param action named by its permission */
  async #request<T>(
    action: string,
    timeoutMs: number,
    signal: AbortSignal,
    send: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    try {
      return await withTimeout(timeoutMs, [signal], send)
    } catch (error) {
      if (signal.aborted) throw signal.reason
      throw s3Failure(error, action, this.config)
    }
  }
}
