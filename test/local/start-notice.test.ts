import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { startNotice } from '../../src/local/start-notice.ts';
import type { LocalAgentCore } from '../../src/local/options.ts';

const core = {
  url: 'http://127.0.0.1:4566',
  port: 4566,
  isolation: 'namespaces',
  hostNames: [],
  caFile: undefined,
  credentials: [{ accessKeyId: 'AKIALOCAL', secretAccessKey: "it's $HOME/+=", sessionToken: 'token' }],
} as unknown as LocalAgentCore;
const withTls: LocalAgentCore = {
  ...core,
  url: 'https://127.0.0.1:4566',
  caFile: "/it's/ca.pem",
  hostNames: ['agentcore.example', 'bedrock-agentcore.us-east-1.amazonaws.com'],
};

/** The values of these variables where a shell has evaluated the notice. */
function evaluated(core: LocalAgentCore, ...names: string[]): string[] {
  const values = names.map((name) => `"$${name}"`).join(' ');
  const script = `${startNotice(core)}printf '%s|' ${values}`;
  return execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8', env: {} }).split('|').slice(0, -1);
}

test('a shell that evaluates the notice has the endpoint and the credentials, whatever they hold', () => {
  expect(
    evaluated(
      core,
      'AWS_ENDPOINT_URL_BEDROCK_AGENTCORE',
      'BEDROCK_AGENTCORE_DATA_PLANE_ENDPOINT',
      'AWS_ACCESS_KEY_ID',
      'AWS_SECRET_ACCESS_KEY',
      'AWS_SESSION_TOKEN',
    ),
  ).toEqual(['http://127.0.0.1:4566', 'http://127.0.0.1:4566', 'AKIALOCAL', "it's $HOME/+=", 'token']);
});

test('with TLS it has the file of the authority for each client', () => {
  expect(evaluated(withTls, 'NODE_EXTRA_CA_CERTS', 'AWS_CA_BUNDLE', 'SSL_CERT_FILE')).toEqual(
    Array(3).fill("/it's/ca.pem"),
  );
  expect(evaluated(core, 'NODE_EXTRA_CA_CERTS', 'AWS_CA_BUNDLE', 'SSL_CERT_FILE')).toEqual(['', '', '']);
});

test("with TLS and a name of AWS it has Python's endpoint, and otherwise it says what that needs", () => {
  expect(evaluated(withTls, 'BEDROCK_AGENTCORE_DP_ENDPOINT')).toEqual([
    'https://bedrock-agentcore.us-east-1.amazonaws.com:4566',
  ]);
  for (const less of [core, { ...withTls, caFile: undefined }, { ...withTls, hostNames: ['localhost'] }]) {
    expect(evaluated(less, 'BEDROCK_AGENTCORE_DP_ENDPOINT')).toEqual(['']);
    expect(startNotice(less)).toContain('--tls --host-name');
  }
});

test('the notice says how far the microVMs are isolated', () => {
  expect(startNotice(core)).toContain('microVMs are namespaces');
  expect(startNotice({ ...core, isolation: 'directory' })).toContain('no /mnt/workspace');
});
