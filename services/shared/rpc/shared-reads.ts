import DataLoader from 'dataloader';
import { callCancelled } from './rpc-error.ts';

/** Reads that travel together. */
export interface SharedReads<Subject, Question, Answer> {
  /**
   * Asks a question. A lone one leaves in the same turn of the event loop; what is asked while two calls about the subject
   * are under way leaves together once one of them has returned.
   * @param subject what the questions of one call have in common, such as the connection and the position: plain data
   * @param signal ends the waiting when aborted, as it ends a call of RpcClient; the call itself goes on for the others
   */
  ask(subject: Subject, question: Question, signal?: AbortSignal): Promise<Answer>;
}

/** How questions are asked together. */
export interface SharedReadsOptions<Subject, Question, Answer> {
  /** How many questions one call takes at most. */
  readonly maxBatch: number;
  /**
   * Asks questions about a subject by one call. Gives an answer to each, in their order; an Error rejects the one question.
   * When the call itself rejects, so do all of its questions.
   */
  readonly read: (subject: Subject, questions: readonly Question[]) => Promise<readonly (Answer | Error)[]>;
}

// While one is answered, the next is on its way; more would only make the calls smaller.
const callsAtOnce = 2;

/** Lets concurrent reads share calls. No answer is kept: each question is read after it was asked. */
export function createSharedReads<Subject, Question, Answer>({
  maxBatch,
  read,
}: SharedReadsOptions<Subject, Question, Answer>): SharedReads<Subject, Question, Answer> {
  /** Those that have a call under way or one to come. */
  const loaders = new Map<string, DataLoader<Question, Answer>>();

  function createLoader(key: string, subject: Subject): DataLoader<Question, Answer> {
    let underWay = 0;
    const waiting: (() => void)[] = [];
    function returned(): void {
      const next = waiting.shift();
      if (next) next();
      else underWay--;
      if (underWay === 0) loaders.delete(key);
    }
    return new DataLoader<Question, Answer>(
      async (questions) => {
        try {
          return await read(subject, questions);
        } finally {
          returned();
        }
      },
      {
        cache: false,
        maxBatchSize: maxBatch,
        batchScheduleFn(dispatch) {
          if (underWay === callsAtOnce) {
            waiting.push(dispatch);
            return;
          }
          underWay++;
          queueMicrotask(dispatch);
        },
      },
    );
  }

  return {
    ask(subject, question, signal) {
      if (signal?.aborted) return Promise.reject(callCancelled());
      const key = JSON.stringify(subject);
      let loader = loaders.get(key);
      if (!loader) {
        loader = createLoader(key, subject);
        loaders.set(key, loader);
      }
      const answer = loader.load(question);
      return signal ? unlessAborted(answer, signal) : answer;
    },
  };
}

async function unlessAborted<Answer>(answer: Promise<Answer>, signal: AbortSignal): Promise<Answer> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(callCancelled());
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([answer, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
