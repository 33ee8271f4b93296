import { createWithDirectory } from './cli/directory-session.ts';
import { explainFailure } from './cli/explain-failure.ts';
import { createProgram } from './cli/program.ts';
import { replayHere } from './replay-here.ts';

// Who reads through a pipe may stop early, as `head` does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

try {
  await createProgram(createWithDirectory(process.env), replayHere).parseAsync();
} catch (error) {
  const failure = explainFailure(error);
  if (failure.message !== undefined) process.stderr.write(`error: ${failure.message}\n`);
  process.exitCode = failure.exitCode;
}
