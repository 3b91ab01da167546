import type { LocalAgentCore } from './options.ts';

/** What the user is told when the local AgentCore has started: lines that can be pasted into a shell. */
export function startNotice(core: LocalAgentCore): string {
  const { url, isolation, caFile, credentials } = core;
  const [{ accessKeyId, secretAccessKey, sessionToken }] = credentials;
  return [
    `# A local AgentCore listens on ${url}.`,
    `# ${isolations[isolation]}`,
    '# agentcore-bridge, the AWS SDKs and the AWS CLI:',
    exported('AWS_ENDPOINT_URL_BEDROCK_AGENTCORE', url),
    exported('AWS_ACCESS_KEY_ID', accessKeyId),
    exported('AWS_SECRET_ACCESS_KEY', secretAccessKey),
    ...(sessionToken === undefined ? [] : [exported('AWS_SESSION_TOKEN', sessionToken)]),
    '# bedrock-agentcore of npm:',
    exported('BEDROCK_AGENTCORE_DATA_PLANE_ENDPOINT', url),
    ...python(core),
    ...(caFile === undefined
      ? []
      : [
          '# The certificate authority, for Node.js, for the AWS SDK of Python with the AWS CLI, and for all else in Python:',
          ...['NODE_EXTRA_CA_CERTS', 'AWS_CA_BUNDLE', 'SSL_CERT_FILE'].map((name) => exported(name, caFile)),
        ]),
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

/** Python's bedrock-agentcore connects by TLS only, and only to a host of AWS. */
function python({ caFile, hostNames, port }: LocalAgentCore): string[] {
  const host = hostNames.find((name) => /\.(amazonaws\.com|amazonaws\.com\.cn|api\.aws)$/.test(name));
  if (caFile === undefined || host === undefined) {
    return [
      '# bedrock-agentcore of Python needs more: --tls --host-name NAME, where NAME ends with .amazonaws.com',
    ];
  }
  return [
    `# bedrock-agentcore of Python, where ${host} is 127.0.0.1, for one by a line of /etc/hosts:`,
    exported('BEDROCK_AGENTCORE_DP_ENDPOINT', `https://${host}:${port}`),
  ];
}

function exported(name: string, value: string): string {
  return `export ${name}='${value.replaceAll("'", String.raw`'\''`)}'`;
}
