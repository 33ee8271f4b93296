import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

/** A certificate and its private key, as PEM. */
export interface Certificate {
  /** The certificate. */
  readonly cert: string;
  /** The private key. */
  readonly key: string;
}

/** An authority made for one test: its own certificate, and a way to issue others for 127.0.0.1. */
export interface CertificateAuthority extends Certificate {
  /** Issues a certificate that is good for servers and clients. */
  readonly issue: () => Certificate;
}

/** Makes an authority. Node can read certificates but not make them, so they are spelled out here (RFC 5280). */
export function createCertificateAuthority(): CertificateAuthority {
  const authority = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const isAuthority = der(
    0x30,
    oid('551d13'),
    der(0x01, Buffer.of(0xff)),
    der(0x04, der(0x30, der(0x01, Buffer.of(0xff)))),
  );
  const certify = (subject: string, publicKey: KeyObject, extension: Buffer): string => {
    const body = der(
      0x30,
      der(0xa0, der(0x02, Buffer.of(2))),
      der(0x02, Buffer.concat([Buffer.of(1), randomBytes(8)])),
      ecdsaWithSha256,
      name('Test authority'),
      der(0x30, der(0x17, Buffer.from('200101000000Z')), der(0x17, Buffer.from('491231235959Z'))),
      name(subject),
      publicKey.export({ type: 'spki', format: 'der' }),
      der(0xa3, der(0x30, extension)),
    );
    const signature = sign('sha256', body, authority.privateKey);
    const bytes = der(0x30, body, ecdsaWithSha256, der(0x03, Buffer.of(0), signature));
    return `-----BEGIN CERTIFICATE-----\n${bytes.toString('base64')}\n-----END CERTIFICATE-----\n`;
  };
  return {
    cert: certify('Test authority', authority.publicKey, isAuthority),
    key: pem(authority.privateKey),
    issue: () => {
      const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const forLoopback = der(0x30, oid('551d11'), der(0x04, der(0x30, der(0x87, Buffer.of(127, 0, 0, 1)))));
      return { cert: certify('127.0.0.1', pair.publicKey, forLoopback), key: pem(pair.privateKey) };
    },
  };
}

const ecdsaWithSha256 = der(0x30, oid('2a8648ce3d040302'));

function name(common: string): Buffer {
  return der(0x30, der(0x31, der(0x30, oid('550403'), der(0x0c, Buffer.from(common)))));
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'));
}

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const length = content.length;
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function pem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}
