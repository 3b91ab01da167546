import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createCredentialSource } from '../../src/aws/credentials.ts';

const region = 'us-east-1';
const keys = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'made-up' };
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'credentials-'));
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) vi.stubEnv(name, undefined);
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', join(directory, 'credentials'));
  vi.stubEnv('AWS_CONFIG_FILE', join(directory, 'config'));
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
});

afterEach(async () => {
  vi.unstubAllEnvs();
  vi.doUnmock('@aws-sdk/credential-providers');
  await rm(directory, { recursive: true });
});

/** A container's credential endpoint, as ECS and EKS have it. */
async function containerEndpoint(answer: (response: ServerResponse) => void): Promise<Server> {
  const server = createServer((_, response) => answer(response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', `http://127.0.0.1:${port}/`);
  return server;
}

function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

describe('credentials', () => {
  it('use given keys without loading the SDK', async () => {
    let loaded = false;
    vi.doMock('@aws-sdk/credential-providers', () => {
      loaded = true;
      return {};
    });
    expect(await createCredentialSource({ keys, region })()).toEqual(keys);
    expect(loaded).toBe(false);
  });

  it('come from a profile rather than from given keys', async () => {
    await writeFile(
      join(directory, 'credentials'),
      '[other]\naws_access_key_id = AKIDOTHER\naws_secret_access_key = made-up-2\n',
    );
    const credentials = await createCredentialSource({ keys, region, profile: 'other' })();
    expect(credentials).toMatchObject({ accessKeyId: 'AKIDOTHER', secretAccessKey: 'made-up-2' });
  });

  it('are kept until shortly before they expire', async () => {
    let asked = 0;
    const minutes = [60, 0];
    const server = await containerEndpoint((response) => {
      asked += 1;
      const Expiration = new Date(Date.now() + (minutes.pop() ?? 60) * 60_000 + 1_000).toISOString();
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({ AccessKeyId: `KEY${asked}`, SecretAccessKey: 's', Token: 't', Expiration }),
      );
    });
    const source = createCredentialSource({ region });
    expect(await source()).toMatchObject({ accessKeyId: 'KEY1', sessionToken: 't' });
    await vi.waitUntil(async () => (await source()).accessKeyId === 'KEY2');
    expect(await source()).toMatchObject({ accessKeyId: 'KEY2' });
    expect(asked).toBe(2);
    await stop(server);
  });

  it('give up a source that does not answer in time', async () => {
    const server = await containerEndpoint(() => undefined);
    await expect(createCredentialSource({ region, timeoutMs: 50 })()).rejects.toMatchObject({
      code: 'credentials',
      retryable: true,
      message: 'AWS credentials could not be loaded within 0.05 s.',
    });
    await stop(server);
  });

  it('are reported as missing in one sentence, with what to do', async () => {
    await expect(createCredentialSource({ region })()).rejects.toMatchObject({
      code: 'credentials',
      message: 'No AWS credentials were found.',
      remedy: expect.stringContaining('AWS_ACCESS_KEY_ID'),
    });
  });

  it('of an unknown profile name it, printable', async () => {
    await expect(createCredentialSource({ region, profile: 'no\u0007ne' })()).rejects.toMatchObject({
      code: 'credentials',
      message: String.raw`No AWS credentials of the profile "no\x07ne" were found.`,
    });
  });

  it('of a missing sign-in say how to sign in', async () => {
    await writeFile(
      join(directory, 'config'),
      '[profile work]\nsso_start_url = https://example.com\nsso_region = us-east-1\nsso_account_id = 123456789012\nsso_role_name = dev\n',
    );
    vi.stubEnv('HOME', directory);
    await expect(createCredentialSource({ region, profile: 'work' })()).rejects.toMatchObject({
      code: 'credentials',
      remedy: 'Run: aws sso login --profile work',
    });
  });

  it('that appear later are found', async () => {
    const source = createCredentialSource({ region, profile: 'late' });
    await expect(source()).rejects.toMatchObject({ code: 'credentials' });
    await writeFile(
      join(directory, 'credentials'),
      '[late]\naws_access_key_id = AKIDLATE\naws_secret_access_key = made-up\n',
    );
    expect(await source()).toMatchObject({ accessKeyId: 'AKIDLATE' });
  });
});
