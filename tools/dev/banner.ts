/** What `dev` prints about what it started. */
/**
 * Main's address, the shell command that the README's commands need, and the operators' console.
 *
 * @param url absent if main does not run
 * @param tokenFile absent if the environment has the token
 */
export function mainBanner(url: string | undefined, tokenFile: string | undefined): string {
  if (url === undefined) return '\nmain      DOES NOT RUN: its reason is above.'
  const token = tokenFile && ` INTERNAL_API_TOKEN=$(cat ${tokenFile})`
  return [
    `\nmain      ${url} (API document: ${url}/openapi.json)`,
    `Token     ${tokenFile ? `in ${tokenFile}` : 'INTERNAL_API_TOKEN'}. For the commands of the README:`,
    `            export MAIN=${url}${token ?? ''}`,
    `Console   ${url}/console (sign in with ${process.env.OPERATOR_TOKEN ? 'OPERATOR_TOKEN' : 'this token'})`,
  ].join('\n')
}

export function temporalBanner({ address, uiUrl }: { address: string; uiUrl?: string | undefined }): string {
  return `Temporal  ${address}${uiUrl ? `, UI: ${uiUrl}` : ''}`
}
