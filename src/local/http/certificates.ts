import { generateKeyPair, randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import { promisify } from 'node:util';
import type { pki } from 'node-forge';

/** What a TLS server presents, and what its clients trust. All of it is PEM. */
export interface TlsIdentity {
  readonly key: string;
  readonly certificate: string;
  /** The certificate of the authority, whose own key is not kept. */
  readonly authority: string;
}

/**
 * Makes an authority, and a certificate from it that is valid for these names for a year.
 *
 * @param names host names and IP addresses
 */
export async function makeTlsIdentity(names: readonly string[]): Promise<TlsIdentity> {
  // The module is large, and only TLS needs it.
  const { default: forge } = await import('node-forge');
  const authority = { keys: await makeKeys(), subject: [{ shortName: 'CN', value: 'local AgentCore CA' }] };
  const server = { keys: await makeKeys(), subject: [{ shortName: 'CN', value: 'local AgentCore' }] };

  const certify = (subject: typeof server, extensions: object[]): pki.Certificate => {
    const certificate = forge.pki.createCertificate();
    certificate.publicKey = forge.pki.publicKeyFromPem(subject.keys.publicKey);
    // A serial number must be positive, and its first byte must not be 0.
    certificate.serialNumber = `4${randomBytes(16).toString('hex').slice(1)}`;
    const now = Date.now();
    certificate.validity.notBefore = new Date(now - dayMs);
    certificate.validity.notAfter = new Date(now + 365 * dayMs);
    certificate.setSubject(subject.subject);
    certificate.setIssuer(authority.subject);
    certificate.setExtensions(extensions);
    certificate.sign(forge.pki.privateKeyFromPem(authority.keys.privateKey), forge.md.sha256.create());
    return certificate;
  };

  const authorityCertificate = certify(authority, [
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    { name: 'subjectKeyIdentifier' },
  ]);
  const serverCertificate = certify(server, [
    { name: 'basicConstraints', cA: false, critical: true },
    { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
    { name: 'extKeyUsage', serverAuth: true },
    { name: 'subjectAltName', altNames: names.map(altName) },
    { name: 'subjectKeyIdentifier' },
    // Python's strict verification requires it.
    {
      name: 'authorityKeyIdentifier',
      keyIdentifier: authorityCertificate.generateSubjectKeyIdentifier().getBytes(),
    },
  ]);
  return {
    key: server.keys.privateKey,
    certificate: forge.pki.certificateToPem(serverCertificate),
    authority: forge.pki.certificateToPem(authorityCertificate),
  };
}

const dayMs = 86_400_000;

function makeKeys(): Promise<{ publicKey: string; privateKey: string }> {
  return promisify(generateKeyPair)('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
}

/** RFC 5280: 2 is a DNS name, 7 an IP address. */
function altName(name: string): { type: 2; value: string } | { type: 7; ip: string } {
  return isIP(name) === 0 ? { type: 2, value: name } : { type: 7, ip: name };
}
