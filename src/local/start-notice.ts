import type { LocalAgentCore } from './options.ts';

/** What a person is told when the local AgentCore has started: lines that a shell can take as they are. */
export function startNotice({ url, credentials: [first], isolation }: LocalAgentCore): string {
  const variables = {
    AWS_ENDPOINT_URL_BEDROCK_AGENTCORE: url,
    AWS_ACCESS_KEY_ID: first.accessKeyId,
    AWS_SECRET_ACCESS_KEY: first.secretAccessKey,
    ...(first.sessionToken === undefined ? {} : { AWS_SESSION_TOKEN: first.sessionToken }),
  };
  return [
    `# A local AgentCore listens on ${url}.`,
    `# ${isolations[isolation]}`,
    ...Object.entries(variables).map(
      ([name, value]) => `export ${name}='${value.replaceAll("'", String.raw`'\''`)}'`,
    ),
    '# Any well-formed ARN names a runtime, such as arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/my-agent',
    '',
  ].join('\n');
}

const isolations = {
  namespaces:
    'microVMs are namespaces: own processes, /tmp and HOME; /mnt/workspace is kept. They are no protection against hostile code.',
  directory:
    'microVMs are directories: own HOME and TMPDIR, and nothing else; there is no /mnt/workspace, since namespaces can not be had here.',
} as const;
