import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BridgeError } from '../../src/base/errors.ts';
import type { ShellOptions } from '../../src/shell/reconnecting-shell.ts';
import type { Shell } from '../../src/shell/shell.ts';
import { recordingLog } from '../local/recording-log.ts';
import { verifies } from '../requirements.ts';
import { ManualClock } from './manual-clock.ts';
import { Queue } from './queue.ts';
import { recordedShell } from './recorded-shell.ts';
import { ShellService } from './shell-service.ts';

let service: ShellService;
let clock: ManualClock;
const shells: Shell[] = [];

beforeEach(async () => {
  service = await ShellService.start();
  clock = new ManualClock();
});

afterEach(async () => {
  const closed = shells.splice(0).map((shell) => shell.close(1_000));
  await service.stop();
  await Promise.all(closed);
  if (clock.timers > 0) throw new Error(`a closed shell left ${clock.timers} timers`);
});

function start(options: Partial<ShellOptions> = {}, url = service.url) {
  const { shell, events } = recordedShell(url, { clock, ...options });
  shells.push(shell);
  shell.start();
  return { shell, events };
}

async function opened(options: Partial<ShellOptions> = {}) {
  const { shell, events } = start(options);
  const peer = await service.peers.next();
  expect(await events.next()).toEqual({ is: 'open' });
  return { shell, events, peer };
}

const minute = 60_000;
const internalError = JSON.stringify({
  status: 'Failure',
  reason: 'InternalError',
  message: 'no pty',
  code: 500,
});
const is = (wanted: number) => (ms: number) => ms === wanted;

describe('bytes and statuses', () => {
  it('bytes reach the input of the shell, and its output comes back', async () => {
    const { shell, events, peer } = await opened();
    shell.write(Buffer.from('ls\n'));
    expect(await peer.frames.next()).toEqual(Buffer.from('\0ls\n'));
    peer.send(1, 'README\n');
    expect(await events.next()).toEqual({ is: 'output', text: 'README\n' });
  });

  it(
    verifies('shell.unknown-channel', 'frames of unknown channels, diagnostics and empty frames are ignored'),
    async () => {
      const { events, peer } = await opened();
      peer.send(0x77, 'later');
      peer.send(2, 'diagnostic');
      peer.socket.send(Buffer.alloc(0));
      peer.send(5, '');
      peer.send(1, 'out');
      expect(await events.next()).toEqual({ is: 'output', text: 'out' });
    },
  );

  it(
    verifies('shell.confirmation', 'a confirmation is reported when it comes: after output, and twice'),
    async () => {
      const { events, peer } = await opened();
      const confirmation = '{"metadata":{"shellId":"s","reconnected":false},"status":"Success"}';
      peer.send(1, 'early');
      peer.send(3, confirmation);
      peer.send(3, confirmation);
      expect(await events.next()).toEqual({ is: 'output', text: 'early' });
      expect(await events.next()).toMatchObject({ is: 'status', status: { is: 'confirmation' } });
      expect(await events.next()).toMatchObject({ is: 'status', status: { is: 'confirmation' } });
    },
  );

  it(verifies('shell.confirmation', 'without a confirmation everything works as with one'), async () => {
    const { shell, events, peer } = await opened();
    clock.advance(20_000);
    shell.write(Buffer.from('x'));
    expect(await peer.frames.next()).toEqual(Buffer.from('\0x'));
    expect(events.rest).toEqual([]);
  });

  it('bytes that are written without a connection are dropped', async () => {
    const { shell, events } = start();
    shell.write(Buffer.from('early'));
    expect(shell.unsentBytes).toBe(0);
    await shell.sent(0);
    const peer = await service.peers.next();
    await events.next();
    shell.write(Buffer.from('in time'));
    expect(await peer.frames.next()).toEqual(Buffer.from('\0in time'));
  });

  it('a drop wakes those who wait for bytes to be sent', async () => {
    const { shell, peer } = await opened();
    peer.tcp.pause();
    shell.write(new Uint8Array(32 * 1024 * 1024));
    const sent = shell.sent(0);
    peer.tcp.resetAndDestroy();
    await sent;
    expect(shell.unsentBytes).toBe(0);
  });
});

describe('reconnecting', () => {
  it('a dropped connection is replaced at once, and the request is signed again', async () => {
    let asked = 0;
    const { events, peer } = await opened({
      credentials: () => {
        asked += 1;
        return Promise.resolve({ accessKeyId: `KEY${asked}`, secretAccessKey: 'made-up' });
      },
    });
    peer.tcp.resetAndDestroy();
    expect(await events.next()).toMatchObject({ is: 'close', close: { code: 1006, action: 'reconnect' } });
    await clock.armed(is(0));
    clock.advance(0);
    const second = await service.peers.next();
    expect(await events.next()).toEqual({ is: 'open' });
    expect(second.request.headers.authorization).toContain('Credential=KEY2/');
  });

  it(
    verifies(
      'shell.backoff',
      'each try waits longer without a useful connection, and with one the backoff starts again',
    ),
    async () => {
      const { shell, events, peer } = await opened();
      const drop = async (from: typeof peer, delayMs: number) => {
        from.tcp.resetAndDestroy();
        expect(await events.next()).toMatchObject({ is: 'close' });
        await clock.armed(is(delayMs));
        clock.advance(delayMs);
        const next = await service.peers.next();
        await events.next();
        return next;
      };
      const second = await drop(peer, 0);
      const third = await drop(second, 250);
      const fourth = await drop(third, 500);
      shell.settle();
      await drop(fourth, 0);
    },
  );

  it('there is one attempt at a time: after 1001 a single connection follows', async () => {
    const { events, peer } = await opened();
    peer.socket.close(1001);
    await events.next();
    clock.advance(0);
    const second = await service.peers.next();
    await events.next();
    clock.advance(29_000);
    second.send(1, 'still here');
    expect(await events.next()).toEqual({ is: 'output', text: 'still here' });
    expect(service.requests).toHaveLength(2);
  });

  it(verifies('shell.close-codes', 'after 1011 the next attempt is delayed'), async () => {
    const { events, peer } = await opened();
    peer.socket.close(1011, 'shell start failed');
    expect(await events.next()).toMatchObject({ close: { code: 1011, reason: 'shell start failed' } });
    await clock.armed(is(250));
  });

  it(
    verifies('aws.retry-after', 'a refused upgrade is retried no sooner than the service asks'),
    async () => {
      service.refuse({ status: 503, retryAfter: '7' }, { status: 400, errorType: 'ThrottlingException' });
      const { events } = start();
      await clock.armed(is(7_000));
      clock.advance(6_999);
      expect(service.requests).toHaveLength(1);
      clock.advance(1);
      await clock.armed(is(2_000));
      clock.advance(2_000);
      await service.peers.next();
      expect(await events.next()).toEqual({ is: 'open' });
    },
  );

  it(
    verifies('aws.retry-after', 'that is so also if the user rests meanwhile, and wants a connection again'),
    async () => {
      service.refuse({ status: 503, retryAfter: '7' });
      const { shell, events } = start();
      await clock.armed(is(7_000));
      clock.advance(1_000);
      shell.rest('nothing is going on');
      shell.start();
      shell.reconnect('a message waits', 'at-once');
      await clock.armed(is(6_000));
      clock.advance(5_999);
      expect(service.requests).toHaveLength(1);
      clock.advance(1);
      await service.peers.next();
      expect(await events.next()).toEqual({ is: 'open' });
    },
  );

  it('a time beyond the budget, which the service asks for, ends the tries at once', async () => {
    service.refuse({ status: 503, retryAfter: '86400' });
    const { events } = start();
    const { error } = (await events.next()) as { error: BridgeError };
    expect(error).toMatchObject({ code: 'busy', retryable: true });
    expect(error.remedy).toContain('in 86400 s');
  });

  it(
    verifies(
      'shell.internal-error',
      'an error of the platform ends the attach, is logged, and is retried with backoff',
    ),
    async () => {
      const log = recordingLog();
      const { events, peer } = await opened({ log });
      peer.send(3, internalError);
      expect(await events.next()).toMatchObject({ is: 'status', status: { is: 'platform-error' } });
      expect(await events.next()).toMatchObject({ is: 'close', close: { action: 'back-off' } });
      expect(await peer.closed).toBe(1000);
      expect(peer.frames.rest).toEqual([]);
      expect(log.messages).toContain('the service reports an error: the shell is attached again');
      await clock.armed(is(250));
      clock.advance(250);
      await service.peers.next();
      expect(await events.next()).toEqual({ is: 'open' });
    },
  );

  it.each([1000, 1011])(
    verifies('shell.internal-error', 'that is so if the service closes with %i behind it'),
    async (code) => {
      const { events, peer } = await opened();
      peer.send(3, internalError);
      peer.socket.close(code);
      expect(await events.next()).toMatchObject({ is: 'status' });
      expect(await events.next()).toMatchObject({ is: 'close', close: { action: 'back-off' } });
      await clock.armed(is(250));
    },
  );

  it('an error of the platform that lasts is reported when the budget is used up', async () => {
    const { events, peer } = await opened({ limits: { reconnectBudgetMs: 100 } });
    peer.send(3, internalError);
    await events.next();
    await events.next();
    const { error } = (await events.next()) as { error: BridgeError };
    expect(error).toMatchObject({ code: 'unreachable', retryable: true });
    expect(error.message).toContain('the shell could not be started or kept (InternalError: no pty)');
  });

  it('after 1008 for the rate, fewer frames are sent', async () => {
    const { shell, events, peer } = await opened({ limits: { frameBytes: 2 } });
    peer.socket.close(1008, 'rate');
    await events.next();
    clock.advance(1_000);
    const second = await service.peers.next();
    await events.next();
    shell.write(new Uint8Array(100));
    // A twenty-fifth of 100 a second goes at once, the next 10 ms later.
    await clock.armed(is(10));
    for (let frame = 0; frame < 4; frame += 1) await second.frames.next();
    expect(second.frames.rest).toEqual([]);
  });

  it('after 1009, smaller frames are sent', async () => {
    const { shell, events, peer } = await opened();
    peer.socket.close(1009);
    await events.next();
    clock.advance(1_000);
    const second = await service.peers.next();
    await events.next();
    shell.write(new Uint8Array(100_000));
    expect(await second.frames.next()).toHaveLength(30 * 1024);
  });

  it('a connection that breaks again and again is given up when the budget is used up', async () => {
    const { events, peer } = await opened({ limits: { reconnectBudgetMs: 700 } });
    let last = peer;
    for (const delayMs of [0, 250]) {
      last.socket.close(1001);
      await events.next();
      await clock.armed(is(delayMs));
      clock.advance(delayMs);
      last = await service.peers.next();
      await events.next();
    }
    last.socket.close(1001, 'draining');
    await events.next();
    const event = await events.next();
    expect(event).toMatchObject({ is: 'failed', error: { code: 'unreachable', retryable: true } });
    expect(String(event.is === 'failed' && event.error)).toContain('close code 1001, draining');
  });

  it('time with a connection does not count towards the budget', async () => {
    const { events, peer } = await opened({ limits: { pingEveryMs: 86_400_000 } });
    clock.advance(20 * minute);
    peer.socket.close(1001);
    await events.next();
    clock.advance(0);
    await service.peers.next();
    expect(await events.next()).toEqual({ is: 'open' });
  });

  it('output that arrives while the shell leaves a connection is dropped, also if reading was paused', async () => {
    const { shell, events, peer } = await opened();
    shell.pause();
    peer.send(1, 'unread');
    shell.reconnect('test', 'at-once');
    expect(await events.next()).toMatchObject({ is: 'close', close: { reason: 'test' } });
  });

  it('a pause stays in force after a reconnect', async () => {
    const { shell, events, peer } = await opened();
    shell.pause();
    peer.tcp.resetAndDestroy();
    // A paused socket learns of the reset when it writes.
    shell.reconnect('test', 'at-once');
    expect(await events.next()).toMatchObject({ is: 'close' });
    clock.advance(0);
    const second = await service.peers.next();
    await events.next();
    second.send(1, 'held back');
    const pinged = new Promise((resolve) => second.socket.once('ping', resolve));
    clock.advance(30_000);
    await pinged;
    expect(events.rest).toEqual([]);
    shell.resume();
    expect(await events.next()).toEqual({ is: 'output', text: 'held back' });
  });
});

describe('the end of a shell', () => {
  it(verifies('shell.close-codes', 'after 1000 nothing happens until the user asks'), async () => {
    const { shell, events, peer } = await opened();
    peer.send(3, '{"metadata":{},"status":"Success"}');
    peer.socket.close(1000);
    expect(await events.next()).toMatchObject({ status: { is: 'exited', code: 0 } });
    expect(await events.next()).toMatchObject({ is: 'close', close: { code: 1000, action: 'wait' } });
    clock.advance(3_600_000);
    expect(service.requests).toHaveLength(1);
    shell.reconnect('a new shell is wanted', 'at-once');
    await service.peers.next();
    expect(await events.next()).toEqual({ is: 'open' });
  });

  it('the user can ask for a new shell within onClose, with a delay', async () => {
    const recorded = recordedShell(service.url, { clock });
    const { shell } = recordedShell(service.url, {
      clock,
      events: {
        onOpen: () => recorded.events.push({ is: 'open' }),
        onStatus: () => undefined,
        onOutput: () => undefined,
        onClose: () => shell.reconnect('again', 'backoff'),
        onFailed: () => undefined,
      },
    });
    shells.push(shell);
    shell.start();
    const peer = await service.peers.next();
    await recorded.events.next();
    peer.socket.close(1000);
    await clock.armed(is(250));
    clock.advance(1_000);
    await service.peers.next();
    expect(await recorded.events.next()).toEqual({ is: 'open' });
  });

  it(
    verifies(
      'shell.no-close-frame',
      'a close frame of the platform ends the connection, and is not answered',
    ),
    async () => {
      const { events, peer } = await opened();
      peer.send(0xff, '');
      expect(await events.next()).toMatchObject({ is: 'close', close: { action: 'wait' } });
      expect(await peer.closed).toBe(1000);
      expect(peer.frames.rest).toEqual([]);
    },
  );

  it(verifies('shell.replaced', '4000 is reported as the end, and nothing is retried'), async () => {
    const { events, peer } = await opened();
    peer.socket.close(4000, 'replaced');
    expect(await events.next()).toMatchObject({ is: 'close', close: { code: 4000, action: 'stop' } });
    expect(await events.next()).toMatchObject({
      is: 'failed',
      error: { code: 'replaced', retryable: false },
    });
    clock.advance(3_600_000);
    expect(service.requests).toHaveLength(1);
  });

  it('closing the shell within onClose ends it', async () => {
    const told: string[] = [];
    const { shell } = recordedShell(service.url, {
      clock,
      events: {
        onOpen: () => told.push('open'),
        onStatus: () => undefined,
        onOutput: () => undefined,
        onClose: () => void shell.close(1_000).then(() => ended.push('ended')),
        onFailed: () => told.push('failed'),
      },
    });
    const ended = new Queue<string>();
    shell.start();
    const peer = await service.peers.next();
    peer.socket.close(4000);
    await ended.next();
    expect(told).toEqual(['open']);
  });

  it('a shell that was closed does not start', async () => {
    const { shell } = recordedShell(service.url, { clock });
    await shell.close(1_000);
    shell.start();
    const other = await opened();
    await other.shell.close(1_000);
    expect(service.requests).toHaveLength(1);
  });

  it(verifies('shell.replaced', '4000 counts even while the shell leaves for a new connection'), async () => {
    const { shell, events, peer } = await opened();
    shell.pause();
    peer.socket.close(4000, 'replaced');
    shell.reconnect('at the same moment', 'at-once');
    expect(await events.next()).toMatchObject({ is: 'close', close: { code: 4000 } });
    expect(await events.next()).toMatchObject({ is: 'failed', error: { code: 'replaced' } });
  });
});

describe('an upgrade that is refused because of its time', () => {
  const refusal = (minutes: number | undefined) => ({
    status: 403,
    errorType: 'InvalidSignatureException',
    ...(minutes !== undefined && { date: new Date(Date.now() + minutes * minute).toUTCString() }),
  });
  const signedAt = (at: number): number =>
    Date.parse(
      String(service.requests[at]?.headers['x-amz-date']).replace(
        /^(....)(..)(..T..)(..)(..)Z$/,
        '$1-$2-$3:$4:$5Z',
      ),
    );

  it(
    verifies('aws.clock', "is retried at once with the service's time, and so is the next one"),
    async () => {
      service.refuse(refusal(90));
      const { shell, events } = await opened();
      expect(signedAt(1) - signedAt(0)).toBeGreaterThan(89 * minute);
      shell.reconnect('to see', 'at-once');
      await service.peers.next();
      expect((await events.next()).is).toBe('close');
      expect(await events.next()).toEqual({ is: 'open' });
      expect(signedAt(2) - signedAt(0)).toBeGreaterThan(89 * minute);
    },
  );

  it(verifies('aws.clock', 'is final if that did not help, whatever the service says then'), async () => {
    service.refuse(refusal(90), refusal(200), refusal(90));
    const { events } = start();
    const { error } = (await events.next()) as { error: BridgeError };
    expect(error).toMatchObject({ code: 'refused', retryable: false });
    expect(error.remedy).toContain("clock: it is 90 minutes behind AWS's");
    expect(service.requests).toHaveLength(2);
  });

  it.each([undefined, 0, 3])(
    verifies('aws.upgrade-refused', 'is final if the service has no other time: %j'),
    async (minutes) => {
      service.refuse(refusal(minutes));
      const { events } = start();
      expect(await events.next()).toMatchObject({ is: 'failed', error: { code: 'refused' } });
      expect(service.requests).toHaveLength(1);
    },
  );

  it('is retried each time that a clock jumps', async () => {
    const { shell, events } = await opened();
    for (const minutes of [90, 0, -90]) {
      service.refuse(refusal(minutes));
      shell.reconnect('to see', 'at-once');
      await service.peers.next();
      expect((await events.next()).is).toBe('close');
      expect(await events.next()).toEqual({ is: 'open' });
    }
    expect(service.requests).toHaveLength(7);
  });
});

describe('leaving', () => {
  it(
    verifies('shell.no-close-frame', 'closing is a close handshake, without 0xFF, and no event follows'),
    async () => {
      const { shell, events, peer } = await opened();
      shell.write(Buffer.from('x'));
      await shell.sent(0);
      await shell.close(1_000);
      expect(await peer.closed).toBe(1000);
      expect(peer.arrivals.map(({ channel }) => channel)).toEqual([0]);
      expect(events.rest).toEqual([]);
    },
  );

  it('closing takes no longer than the grace, if the other side is silent', async () => {
    const { shell, peer } = await opened();
    peer.tcp.pause();
    const closed = shell.close(300);
    clock.advance(300);
    await expect(closed).resolves.toBeUndefined();
    await expect(shell.close(300)).resolves.toBeUndefined();
  });

  it('closing ends an attempt that is under way', async () => {
    service.onUpgrade = () => undefined;
    const { shell, events } = start();
    await clock.armed(is(330_000));
    await shell.close(1_000);
    expect(events.rest).toEqual([]);
  });

  it('closing while credentials are loaded leaves nothing open', async () => {
    let give: (keys: { accessKeyId: string; secretAccessKey: string }) => void = () => undefined;
    const loading = new Promise<{ accessKeyId: string; secretAccessKey: string }>((resolve) => {
      give = resolve;
    });
    const { shell } = start({ credentials: () => loading });
    await shell.close(1_000);
    give({ accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'made-up' });
    await loading;
    const other = await opened();
    await other.shell.close(1_000);
    expect(service.requests).toHaveLength(1);
  });

  it('closing ends a delay', async () => {
    const { shell, events, peer } = await opened();
    peer.socket.close(1011);
    await events.next();
    await clock.armed(is(250));
    await shell.close(1_000);
    expect(clock.timers).toBe(0);
  });

  it(
    verifies('shell.hand-over', 'after 55 minutes a connection is replaced, 2 s after the last byte'),
    async () => {
      const { shell, events, peer } = await opened({ limits: { pingEveryMs: 86_400_000 } });
      clock.advance(55 * minute - 500);
      shell.write(Buffer.from('x'));
      await peer.frames.next();
      clock.advance(1_000);
      peer.send(1, 'y');
      expect(await events.next()).toEqual({ is: 'output', text: 'y' });
      clock.advance(1_999);
      expect(events.rest).toEqual([]);
      clock.advance(1);
      expect(await events.next()).toMatchObject({
        close: { action: 'reconnect', reason: 'hand-over before the 1-hour limit' },
      });
      expect(await peer.closed).toBe(1000);
      await service.peers.next();
      expect(await events.next()).toEqual({ is: 'open' });
    },
  );

  it(verifies('shell.hand-over', 'at 59 minutes a busy connection is replaced, too'), async () => {
    const { events, peer } = await opened({ limits: { pingEveryMs: 86_400_000 } });
    clock.advance(55 * minute - 1_000);
    for (let second = 0; second < 240; second += 1) {
      peer.send(1, 'busy');
      expect(await events.next()).toMatchObject({ is: 'output' });
      clock.advance(1_000);
    }
    expect(events.rest).toEqual([]);
    clock.advance(1_000);
    expect(await events.next()).toMatchObject({ is: 'close' });
    expect(await peer.closed).toBe(1000);
  });

  it('reconnect cuts a delay short, and opens no second connection', async () => {
    const { shell, events, peer } = await opened();
    peer.socket.close(1011);
    await events.next();
    await clock.armed(is(250));
    shell.reconnect('now', 'at-once');
    shell.reconnect('now', 'at-once');
    await service.peers.next();
    await events.next();
    clock.advance(10_000);
    expect(service.requests).toHaveLength(2);
  });

  it('reconnect with backoff waits first', async () => {
    const { shell, events } = await opened();
    shell.reconnect('the handshake was not answered', 'backoff');
    expect(await events.next()).toMatchObject({
      close: { action: 'back-off', reason: 'the handshake was not answered' },
    });
    await clock.armed(is(250));
  });
});

describe('a service that refuses', () => {
  it.each([400, 401, 403, 404])(
    verifies('aws.upgrade-refused', '%i is reported after one try'),
    async (status) => {
      service.refuse({ status, errorType: 'SomeException', body: '{"message":"no"}' });
      const { events } = start();
      expect(await events.next()).toMatchObject({ is: 'failed', error: { retryable: false } });
      expect(service.requests).toHaveLength(1);
    },
  );

  it.each([402, 409, 424, 429, 500, 503])(verifies('aws.upgrade-busy', '%i is retried'), async (status) => {
    service.refuse({ status }, { status });
    const { events } = start();
    await clock.armed((ms) => ms >= 1_000 && ms <= 2_000);
    clock.advance(2_000);
    await clock.armed((ms) => ms >= 1_000 && ms <= 2_000);
    clock.advance(2_000);
    expect(await events.next()).toEqual({ is: 'open' });
    expect(service.requests).toHaveLength(3);
  });

  it(verifies('aws.upgrade-busy', 'a busy service is given up after 15 minutes'), async () => {
    service.refuse(...Array.from({ length: 200 }, () => ({ status: 503 })));
    const { events } = start();
    const end = events.next();
    const isDelay = (ms: number): boolean => [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000].includes(ms);
    for (;;) {
      const ms = await Promise.race([clock.armed(isDelay), end]);
      if (typeof ms !== 'number') break;
      clock.advance(ms);
    }
    expect(await end).toMatchObject({ is: 'failed', error: { code: 'busy', retryable: true } });
    expect(clock.now()).toBeGreaterThan(14 * minute);
    expect(clock.now()).toBeLessThanOrEqual(15 * minute);
  });
});

describe('a shell at rest', () => {
  const busy = (ms: number): boolean => ms >= 1_000 && ms <= 2_000;

  it(
    verifies('shell.no-close-frame', 'was left without 0xFF, and stays disconnected until it is started'),
    async () => {
      const { shell, events, peer } = await opened();
      shell.rest('nothing to do');
      expect(await peer.closed).toBe(1000);
      expect(peer.arrivals).toEqual([]);
      expect(await events.next()).toMatchObject({ is: 'close', close: { code: 1000, action: 'wait' } });
      clock.advance(60 * minute);
      expect(service.requests).toHaveLength(1);
      // It has all its time again.
      service.refuse({ status: 503 });
      shell.start();
      await clock.armed(busy);
      clock.advance(2_000);
      expect(await events.next()).toEqual({ is: 'open' });
      expect(service.requests).toHaveLength(3);
    },
  );

  it('connects again if it is started before it is quite left', async () => {
    const { shell, events } = await opened();
    shell.rest('nothing to do');
    shell.start();
    expect(await events.next()).toMatchObject({ is: 'close', close: { action: 'reconnect' } });
    expect(await events.next()).toEqual({ is: 'open' });
  });

  it('stays disconnected although it was being connected again', async () => {
    const { shell, events } = await opened();
    shell.reconnect('hand-over', 'at-once');
    shell.rest('nothing to do');
    expect(await events.next()).toMatchObject({ is: 'close', close: { action: 'wait' } });
    service.refuse({ status: 503 });
    shell.start();
    await clock.armed(busy);
    shell.rest('nothing to do');
    clock.advance(minute);
    expect(service.requests).toHaveLength(2);
    shell.start();
    shell.rest('nothing to do');
    shell.start();
    expect(await events.next()).toEqual({ is: 'open' });
  });

  it('can be closed', async () => {
    const { shell, events } = await opened();
    shell.rest('nothing to do');
    await events.next();
    await shell.close(1_000);
    shell.start();
    shell.rest('nothing to do');
    expect(events.rest).toEqual([]);
  });
});

describe('a service that does not answer', () => {
  it('is given up after 20 s if it never answered', async () => {
    const { url } = service;
    await service.stop();
    const { events } = start({}, url);
    for (const delayMs of [0, 250, 500, 1_000, 2_000, 4_000, 8_000]) {
      await clock.armed(is(delayMs));
      clock.advance(delayMs);
    }
    expect(await events.next()).toMatchObject({
      is: 'failed',
      error: { code: 'unreachable', retryable: true },
    });
    service = await ShellService.start();
  });

  it('is tried for longer if it answered before', async () => {
    const { events, peer } = await opened();
    const stopped = service.stop();
    expect(peer.tcp.destroyed).toBe(true);
    expect(await events.next()).toMatchObject({ is: 'close' });
    await stopped;
    for (const delayMs of [0, 250, 500, 1_000, 2_000, 4_000, 8_000, 15_000]) {
      await clock.armed(is(delayMs));
      clock.advance(delayMs);
    }
    await clock.armed(is(15_000));
    expect(events.rest).toEqual([]);
    service = await ShellService.start();
  });

  it('is not tried without credentials', async () => {
    const error = new BridgeError('credentials', 'none');
    const { events } = start({ credentials: () => Promise.reject(error) });
    expect(await events.next()).toEqual({ is: 'failed', error });
    expect(service.requests).toEqual([]);
  });
});
