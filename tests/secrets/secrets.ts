/** What is secret in a whole system of a test's, by the names of its environment. */

export const ANNAS_TOKEN = 'uSr/2mN+annas.api.token~Pq6x='

/** None like another, nor like anything else that may be found; with characters that encodings change. */
export const SECRETS = {
  INTERNAL_API_TOKEN: 'tIk/8vQ+internal.token~Zr5w=',
  PREVIOUS_INTERNAL_API_TOKEN: 'oLd/4jB+previous.token~Gy7c=',
  OPERATOR_TOKEN: 'oPr/5kT+operator.token~Hs8c=',
  METRICS_TOKEN: 'mEt/3xL+metrics.token~Vb2n=',
  ARK_API_KEY: '7f3c/9d1e+4b6a_video-provider-key.W2x=',
  IMAGE_API_KEY: 'sk-imgQ8/provider+key_Lm4t7Yb1=',
  WEBHOOK_SECRET: 'whsec_Wh9kQ2z8Lm4tY7b1Rc6nX5vD0sJ3gUaEpOq5',
  PREVIOUS_WEBHOOK_SECRET: 'whsec_7dNfTiB1yKxZ8w3MhVo2uCr9lGeSj6PqAt4H',
  ARTIFACTS_S3_SECRET_ACCESS_KEY: 's3Q8-bucketOwner+secret/Jd6n',
}

/** The user for whom a test asks, with her token. */
export const API_TOKENS = `anna:${ANNAS_TOKEN}`
