import { describe, expect, test } from 'vitest';
import { agentInfo, offeringLoad, withoutList } from '../../../../src/acp/thread/state/agent-info.ts';

describe('what an agent offers', () => {
  test.each([
    [{}, [1, false, false, false]],
    [{ agentCapabilities: null }, [1, false, false, false]],
    [{ protocolVersion: 1, agentCapabilities: { loadSession: true } }, [1, true, false, false]],
    [{ agentCapabilities: { sessionCapabilities: { resume: {}, list: {} } } }, [1, false, true, true]],
    [
      { agentCapabilities: { loadSession: 1, sessionCapabilities: { resume: null, list: false } } },
      [1, false, false, false],
    ],
    [{ protocolVersion: 2, capabilities: { session: {} } }, [2, false, true, true]],
    [{ protocolVersion: 2, agentCapabilities: { loadSession: true } }, [2, false, false, false]],
  ])('is read in %j', (result, expected) => {
    const { protocolVersion, canLoad, canResume, canList } = agentInfo(JSON.stringify(result));
    expect([protocolVersion, canLoad, canResume, canList]).toEqual(expected);
  });
});

test.each([
  ['{"agentCapabilities":{}}', '{"agentCapabilities":{"loadSession":true}}'],
  ['{"agentCapabilities":{"x":1.0}}', '{"agentCapabilities":{"loadSession":true,"x":1.0}}'],
  [
    '{"agentCapabilities":{"loadSession":false,"x":1.0}}',
    '{"agentCapabilities":{"loadSession":true,"x":1.0}}',
  ],
  ['{"agentCapabilities":null}', '{"agentCapabilities":{"loadSession":true}}'],
  ['{}', '{"agentCapabilities":{"loadSession":true}}'],
  ['{"x":1.0}', '{"agentCapabilities":{"loadSession":true},"x":1.0}'],
  ['{"capabilities":{}}', '{"capabilities":{}}'],
])('session/load is offered instead of the agent, and nothing else changes: %s', (before, after) => {
  expect(offeringLoad(before)).toBe(after);
});

test.each([
  [
    '{"agentCapabilities":{"sessionCapabilities":{"list":{},"x":1.0}}}',
    '{"agentCapabilities":{"sessionCapabilities":{"x":1.0}}}',
  ],
  ['{"agentCapabilities":{"list":{}}}', '{"agentCapabilities":{"list":{}}}'],
  ['{}', '{}'],
])('session/list is not offered instead of the agent, and nothing else changes: %s', (before, after) => {
  expect(withoutList(before)).toBe(after);
});
