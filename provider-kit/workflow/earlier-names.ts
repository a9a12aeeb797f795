/**
 * The names of the shared activities when the two integrations of 0.1.0 had their own workflows, by workflow. A worker
 * registers them under both names, for runs that began then.
 */
export const EARLIER_NAMES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  videoPollingWorkflow: {
    providerSettings: 'videoSettings',
    create: 'createVideoTask',
    lookUp: 'findVideoTask',
    poll: 'getVideoTask',
    cancel: 'cancelVideoTask',
    storeResult: 'storeVideo',
  },
  imageGenerationWorkflow: { providerSettings: 'imageSettings', createResult: 'generateImage' },
}
