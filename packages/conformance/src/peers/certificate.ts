import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import type { CertificateFiles } from '../arguments.js'

const OPENSSL = 'openssl'

/** Makes a key and a self-signed certificate for `localhost` and 127.0.0.1 in a folder. */
export function makeCertificate(folder: string): CertificateFiles {
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') }
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  execFileSync(OPENSSL, ['req', '-x509', ...kind, ...subject, '-keyout', files.key, '-out', files.cert], {
    stdio: 'ignore',
  })
  return files
}
