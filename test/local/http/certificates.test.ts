import { X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { makeTlsIdentity } from '../../../src/local/http/certificates.ts';

test('the certificate is for its names and addresses, and the authority has signed it', async () => {
  const identity = await makeTlsIdentity(['localhost', '127.0.0.1', '::1', 'agentcore.example']);
  const certificate = new X509Certificate(identity.certificate);
  const authority = new X509Certificate(identity.authority);
  expect(certificate.checkIssued(authority)).toBe(true);
  expect(certificate.verify(authority.publicKey)).toBe(true);
  expect([authority.ca, certificate.ca]).toEqual([true, false]);
  expect(certificate.checkHost('localhost')).toBe('localhost');
  expect(certificate.checkHost('agentcore.example')).toBe('agentcore.example');
  expect(certificate.checkHost('evil.example')).toBeUndefined();
  expect(certificate.checkIP('127.0.0.1')).toBe('127.0.0.1');
  expect(certificate.checkIP('::1')).toBeDefined();
  expect(certificate.validFromDate.getTime()).toBeLessThan(Date.now());
  expect(certificate.validToDate.getTime()).toBeGreaterThan(Date.now() + 300 * 86_400_000);
});

test('no two authorities are the same', async () => {
  const [a, b] = await Promise.all([makeTlsIdentity(['localhost']), makeTlsIdentity(['localhost'])]);
  const authority = new X509Certificate(a.authority);
  expect(new X509Certificate(b.certificate).verify(authority.publicKey)).toBe(false);
});
