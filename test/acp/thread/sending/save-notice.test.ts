import { expect, test } from 'vitest';
import { verifies } from '../../../requirements.ts';
import { Stage, textsOf } from '../../agents-stage.ts';

test(
  verifies(
    'host.save-failures',
    'a failed save is told in the conversation of the next prompt, once for each failure',
  ),
  async () => {
    const stage = new Stage();
    stage.initialized();
    const sessionId = await stage.opened(0);
    const prompt = async (): Promise<unknown[]> => {
      stage.ask('session/prompt', { sessionId, prompt: [] });
      stage.answer(0, { stopReason: 'end_turn' });
      return textsOf(await stage.told());
    };
    stage.link(0).saved('full');
    expect(await prompt()).toEqual([expect.stringMatching(/could not be saved, since its storage is full/)]);
    expect(await prompt()).toEqual([]);
    stage.link(0).saved('ok');
    stage.link(0).saved('failed');
    expect(await prompt()).toEqual([expect.stringMatching(/could not be saved, since .* not be written/)]);
    // There was room again before anybody said something.
    stage.link(0).saved('full');
    stage.link(0).saved('ok');
    expect(await prompt()).toEqual([]);
  },
);
