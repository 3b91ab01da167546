import { BridgeError } from '../../base/errors.ts';
import { printable } from '../../base/log.ts';

/** The error for a host that said `fail WHAT`. */
export function hostFailure(what: string): BridgeError {
  const [reason = '', ...words] = what.split(' ');
  const subject = printable(words.join(' '));
  switch (reason) {
    case 'tool':
      return failure(
        `the microVM's image lacks ${subject}, which the agent host needs`,
        subject === 'bash'
          ? 'Install bash in the image, on its PATH or as /bin/bash: the agent host is a script for it.'
          : `Add ${subject} to the image; coreutils, perl, awk or busybox has it.`,
      );
    case 'stty':
      return failure(
        'stty could not set up the terminal of the shell in the microVM',
        'Make sure that the image has a working stty (package coreutils or busybox) on its PATH.',
      );
    case 'directory':
      return failure(
        'no directory for the agent host could be made in the microVM: neither /tmp, HOME nor /var/tmp can be written',
        'Make one of them writable for the user of the shell, and see that the disk is not full.',
      );
    case 'cwd':
      return failure(
        `the working directory ${subject} does not exist in the microVM and could not be made`,
        'Give another one with --cwd.',
      );
    case 'start':
      return failure(
        'the agent could not be started in the microVM: no process could be made, or a file not be written',
        'See that its disk is not full, and that it is not at its limit of processes.',
      );
    case 'input':
      return failure(
        'the microVM could not store what was sent to the agent',
        'Its disk may be full: free some space, or end the session.',
      );
    default:
      return failure(`the agent host in the microVM failed (${printable(what)})`, '');
  }
}

function failure(message: string, remedy: string): BridgeError {
  return new BridgeError('host-failed', message, { remedy });
}
