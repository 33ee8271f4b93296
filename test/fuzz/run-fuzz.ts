/** Runs each property of this folder for as long as asked: `node test/fuzz/run-fuzz.ts [seconds = 60] [seed]`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const { positionals } = parseArgs({ allowPositionals: true });
const [seconds = '60', seed] = positionals;
if (!/^[1-9]\d{0,6}$/.test(seconds) || !/^-?\d{1,10}$/.test(seed ?? '0')) {
  console.error('Use: npm run fuzz -- [seconds for each property] [seed]');
  process.exit(2);
}
const tests = join(import.meta.dirname, '*.test.ts');
const child = spawn(process.execPath, ['--test', '--test-concurrency=2', tests], {
  stdio: 'inherit',
  env: {
    ...process.env,
    ROLLCALL_FUZZ_SECONDS: seconds,
    ...(seed !== undefined && { ROLLCALL_FUZZ_SEED: seed }),
  },
});
const [code] = await once(child, 'close');
process.exitCode = code ?? 1;
