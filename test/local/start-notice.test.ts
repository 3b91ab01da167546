import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { startNotice } from '../../src/local/start-notice.ts';
import type { LocalAgentCore } from '../../src/local/options.ts';

const core = {
  url: 'http://127.0.0.1:4566',
  isolation: 'namespaces',
  credentials: [{ accessKeyId: 'AKIALOCAL', secretAccessKey: "it's $HOME/+=", sessionToken: 'token' }],
} as unknown as LocalAgentCore;

test('a shell that evaluates the notice has the endpoint and the credentials, whatever is in them', () => {
  const script = `${startNotice(core)}printf '%s|' "$AWS_ENDPOINT_URL_BEDROCK_AGENTCORE" "$AWS_ACCESS_KEY_ID" "$AWS_SECRET_ACCESS_KEY" "$AWS_SESSION_TOKEN"`;
  expect(execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8' })).toBe(
    "http://127.0.0.1:4566|AKIALOCAL|it's $HOME/+=|token|",
  );
});

test('the notice says how far the microVMs are kept apart', () => {
  expect(startNotice(core)).toContain('microVMs are namespaces');
  expect(startNotice({ ...core, isolation: 'directory' })).toContain('no /mnt/workspace');
});
