import { status } from '@grpc/grpc-js';
import { CommanderError } from 'commander';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { RpcError } from '#rpc/rpc-error.ts';
import { ConfigError } from '#runtime/config.ts';

/** How a command that threw ends. */
export interface Failure {
  /** The exit code: 1 when the command failed, 2 when it was called or configured wrongly, 0 after help. */
  readonly exitCode: 0 | 1 | 2;
  /** One line for standard error; absent when it is printed already. */
  readonly message?: string;
}

/** Turns what a command threw into a line that says what to do. */
export function explainFailure(error: unknown): Failure {
  if (error instanceof CommanderError) {
    // Commander has printed its line, or the help that was asked for.
    return { exitCode: error.exitCode === 0 ? 0 : 2 };
  }
  if (error instanceof ConfigError) return { exitCode: 2, message: error.message };
  return { exitCode: 1, message: failureText(error) };
}

function failureText(error: unknown): string {
  if (!(error instanceof RpcError)) return error instanceof Error ? error.message : String(error);
  const fromTransport = error.cause !== undefined;
  if (error.code === status.UNAVAILABLE && fromTransport) {
    return 'The directory cannot be reached: start Rollcall (npm start), or set ROLLCALL_DIRECTORY_ADDRESS to where it listens.';
  }
  if (error.reason === ErrorReason.CALLER_UNKNOWN) {
    return 'The directory does not know this credential: set ROLLCALL_DATA_DIR to the folder of the running directory, or ROLLCALL_DIRECTORY_TOKEN.';
  }
  return error.message;
}
