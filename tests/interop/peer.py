#!/usr/bin/env python
# -*- coding: utf-8 -*-
'''
A real RAET 0.6.8 road stack, driven by JSON lines: commands on stdin, events on stdout. Python 2.7, 3.6, 3.7.

    peer.py                                     drive one stack
    peer.py bench --count N --size BYTES        two stacks over loopback, one JSON line of figures

Commands ({"do": ...}); `peer` is the name of a remote estate and defaults to the only one:
    start   name dir [role kind main port auto body head mutable keys burst quiet patience]
            auto: never, once, always; quiet: say nothing about messages; patience: seconds a joiner may wait
            for its key's acceptance, 0 for ever
    join    port [host timeout]          vacuous; with `peer` instead of `port`: join a known one again
    allow   [peer timeout]
    accept  role                         as an operator would
    reject  role
    send    size tag [peer]              a text of that many bytes, the same in every language (see `text`)
    status
    stop

Events ({"event": ...}): started, remote (each change of a remote's standing), gone, received (size, sha256), delivered,
refused, status, error (with the traceback; the process then ends with 1).
'''
from __future__ import print_function
import argparse, binascii, hashlib, json, os, select, shutil, socket, subprocess, sys, tempfile, time, traceback

from ioflo.base.storing import Store
from ioflo.base.consoling import getConsole
getConsole().reinit(verbosity=0)
from raet import raeting
from raet.road import estating, stacking

AUTO = {'never': raeting.AutoMode.never, 'once': raeting.AutoMode.once, 'always': raeting.AutoMode.always}
BODY = {'json': raeting.BodyKind.json, 'msgpack': raeting.BodyKind.msgpack}
HEAD = {'raet': raeting.HeadKind.raet, 'json': raeting.HeadKind.json}
ACCEPTANCE = dict((a.value, a.name) for a in raeting.Acceptance)
# Room for a whole 5 MB message: raet sends all segments at once. The kernel may grant less; then a burst limit helps.
BUFFER = 32 << 20
SO_RCVBUFFORCE = 33


def text(tag, size):
    '''The hex digests of "<tag>:0", "<tag>:1", … cut at `size` characters.'''
    blocks = (hashlib.sha256('{0}:{1}'.format(tag, i).encode('ascii')).hexdigest() for i in range(size // 64 + 1))
    return ''.join(blocks)[:size]


def digest(payload):
    return hashlib.sha256(payload.encode('utf-8')).hexdigest()


class Peer(object):
    def __init__(self, emit):
        self.emit = emit
        self.store = Store(stamp=0.0)
        self.begin = time.time()
        self.stack = None
        self.standing = {}
        self.counts = (0, 0)
        self.quiet = False

    def start(self, name, dir, role=None, kind=0, main=False, port=0, auto='never', body='msgpack', head='raet',
              mutable=None, keys=None, burst=None, quiet=False,
              patience=5.0):
        self.quiet = quiet
        if not port:  # raet writes the port it was told into its keep, so choose before
            probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            probe.bind(('127.0.0.1', 0))
            port = probe.getsockname()[1]
            probe.close()
        more = {}
        if keys:  # a seed: the same keys on every run
            more = dict((k, binascii.hexlify(hashlib.sha256((k + keys).encode('ascii')).digest())) for k in ('sigkey', 'prikey'))
        self.stack = stacking.RoadStack(store=self.store, name=name, role=role or name, uid=1, ha=('127.0.0.1', port),
                                        kind=kind, main=main, auto=AUTO[auto].value, mutable=mutable, dirpath=dir, **more)
        self.stack.Bk = BODY[body].value
        self.stack.Hk = HEAD[head].value
        self.stack.JoinentTimeout = patience
        granted = self.enlarge()
        self.stack.BurstSize = burst if burst is not None else (0 if granted >= BUFFER else 60)
        local = self.stack.local
        self.emit(event='started', name=local.name, role=local.role, port=self.stack.server.ha[1], receive_buffer=granted,
                  verify=local.signer.verhex.decode('ascii'), public=local.priver.pubhex.decode('ascii'),
                  python=sys.version.split()[0])
        self.watch()

    def enlarge(self):
        sock = self.stack.server.ss
        for option in (SO_RCVBUFFORCE, socket.SO_RCVBUF):
            try:
                sock.setsockopt(socket.SOL_SOCKET, option, BUFFER)
                break
            except (OSError, socket.error):
                pass
        return sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)

    def remote(self, peer=None):
        if peer is None:
            return list(self.stack.remotes.values())[0]
        return self.stack.nameRemotes[peer]

    def join(self, port=None, host='127.0.0.1', peer=None, timeout=15.0):
        if port is None:
            remote = self.remote(peer)
        else:
            remote = self.stack.addRemote(estating.RemoteEstate(stack=self.stack, fuid=0, sid=0, ha=(host, port)))
        self.stack.join(uid=remote.uid, timeout=timeout)

    def allow(self, peer=None, timeout=15.0):
        self.stack.allow(uid=self.remote(peer).uid, timeout=timeout)

    def standing_of(self, role):
        return [remote for remote in self.stack.remotes.values() if remote.role == role]

    def accept(self, role):
        for remote in self.standing_of(role):
            self.stack.keep.acceptRemote(remote)

    def reject(self, role):
        for remote in self.standing_of(role):
            self.stack.keep.rejectRemote(remote)

    def send(self, size, tag, peer=None):
        remote = self.remote(peer)
        route = {'src': [self.stack.local.name, None, None], 'dst': [remote.name, None, None]}
        self.stack.transmit({'route': route, 'payload': text(tag, size)}, remote.uid)

    def status(self):
        self.emit(event='status', transactions=len(self.stack.transactions), waiting=len(self.stack.txMsgs),
                  stats=dict(self.stack.stats))

    def service(self):
        self.store.stamp = time.time() - self.begin
        self.stack.serviceAllRx()
        self.stack.serviceAllTx()
        self.watch()
        received = list(self.stack.rxMsgs)
        self.stack.rxMsgs.clear()
        return received

    def watch(self):
        present = {}
        for remote in self.stack.remotes.values():
            present[remote.nuid] = dict(peer=remote.name, role=remote.role, nuid=remote.nuid, fuid=remote.fuid,
                                        joined=bool(remote.joined), allowed=bool(remote.allowed),
                                        acceptance=ACCEPTANCE.get(remote.acceptance))
            if self.standing.get(remote.nuid) != present[remote.nuid]:
                self.emit(event='remote', **present[remote.nuid])
        for nuid in set(self.standing) - set(present):
            self.emit(event='gone', peer=self.standing[nuid]['peer'])
        self.standing = present
        stats = self.stack.stats
        counts = (stats.get('message_initiate_complete', 0), stats.get('message_reject_rx', 0))
        for event, now, before in zip(('delivered', 'refused'), counts, self.counts):
            if now != before:
                self.emit(event=event, count=now)
        self.counts = counts

    def received(self, message, source):
        if self.quiet:
            return
        payload = message.get('payload')
        if payload is None:
            self.emit(event='received', source=source, body=message)
        else:
            self.emit(event='received', source=source, size=len(payload), sha256=digest(payload), route=message.get('route'))


class Lines(object):
    '''Lines from a file descriptor, without blocking.'''
    def __init__(self, fd):
        self.fd, self.rest, self.ended = fd, b'', False

    def ready(self):
        data = os.read(self.fd, 65536)
        self.ended = not data
        parts = (self.rest + data).split(b'\n')
        self.rest = parts.pop()
        return [part.decode('utf-8') for part in parts if part.strip()]


def drive():
    def emit(**event):
        sys.stdout.write(json.dumps(event) + '\n')
        sys.stdout.flush()
    peer, lines = Peer(emit), Lines(0)
    try:
        while not lines.ended:
            sockets = [peer.stack.server.ss] if peer.stack else []
            readable, _, _ = select.select([0] + sockets, [], [], 0.005 if sockets else None)
            for line in (lines.ready() if 0 in readable else []):
                command = json.loads(line)
                do = command.pop('do')
                if do == 'stop':
                    return 0
                if do not in ('start', 'join', 'allow', 'accept', 'reject', 'send', 'status'):
                    raise ValueError('unknown command {0!r}'.format(do))
                getattr(peer, do)(**command)
            for message, source in (peer.service() if peer.stack else []):
                peer.received(message, source)
    except Exception:
        emit(event='error', text=traceback.format_exc())
        return 1
    finally:
        if peer.stack:
            peer.stack.server.close()
    return 0


class Child(object):
    '''Another peer.py, for the benchmark.'''
    def __init__(self):
        self.process = subprocess.Popen([sys.executable, os.path.abspath(__file__)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def tell(self, **command):
        self.process.stdin.write(json.dumps(command).encode('ascii') + b'\n')
        self.process.stdin.flush()

    def wait(self, kind, test=lambda event: True):
        while True:
            line = self.process.stdout.readline()
            if not line:
                raise SystemExit('the other stack ended')
            event = json.loads(line.decode('utf-8'))
            if event['event'] == 'error':
                raise SystemExit(event['text'])
            if event['event'] == kind and test(event):
                return event


def bench(args):
    '''The main stack is a process of its own; the joiner, which sends, is this one.'''
    home, other = tempfile.mkdtemp(prefix='raetbench'), Child()
    try:
        other.tell(do='start', name='alpha', dir=os.path.join(home, 'alpha'), main=True, auto='always', body=args.body, quiet=True)
        port = other.wait('started')['port']
        peer = Peer(lambda **event: None)
        peer.start(name='beta', dir=os.path.join(home, 'beta'), auto='always', body=args.body)
        peer.join(port=port)
        pause(peer, lambda: peer.remote().joined)
        peer.allow()
        pause(peer, lambda: peer.remote().allowed)
        seconds, cpu = flood(peer, args.count, args.size, args.outstanding)
        print(json.dumps(dict(python=sys.version.split()[0], count=args.count, size=args.size, outstanding=args.outstanding,
                              body=args.body, seconds=round(seconds, 4), messages_per_s=round(args.count / seconds, 1),
                              mb_per_s=round(args.count * args.size / seconds / 1e6, 3), sender_cpu_s=round(cpu, 4),
                              redone=peer.stack.stats.get('redo_segment', 0))))
        other.tell(do='stop')
        other.process.wait()
    finally:
        if other.process.poll() is None:
            other.process.kill()
        shutil.rmtree(home, ignore_errors=True)
    return 0


def pause(peer, until, limit=30.0):
    end = time.time() + limit
    while not until():
        if time.time() > end:
            raise SystemExit('the stacks did not get together in {0} s'.format(limit))
        peer.service()
        time.sleep(0.0005)


def flood(peer, count, size, outstanding, limit=300.0):
    payload, sent = text('bench', size), 0
    message = {'route': {'src': ['beta', None, None], 'dst': ['alpha', None, None]}, 'payload': payload}
    uid, begin, cpu = peer.remote().uid, time.time(), sum(os.times()[:2])
    while peer.counts[0] < count:
        while sent < count and sent - peer.counts[0] < outstanding:
            peer.stack.transmit(message, uid)
            sent += 1
        peer.service()
        if peer.counts[1]:
            raise SystemExit('the other stack refused a message')
        if time.time() - begin > limit:
            raise SystemExit('{0} of {1} messages in {2} s'.format(peer.counts[0], count, limit))
        if not peer.stack.rxes:
            select.select([peer.stack.server.ss], [], [], 0.001)
    return time.time() - begin, sum(os.times()[:2]) - cpu


def main():
    parser = argparse.ArgumentParser(description='a RAET 0.6.8 road stack, driven by JSON lines')
    commands = parser.add_subparsers(dest='command')
    figures = commands.add_parser('bench', help='two stacks over loopback')
    figures.add_argument('--count', type=int, default=2000, help='messages')
    figures.add_argument('--size', type=int, default=100, help='bytes of each')
    figures.add_argument('--outstanding', type=int, default=32, help='messages on their way at once')
    figures.add_argument('--body', choices=sorted(BODY), default='msgpack')
    # Python 2.7 wants a subcommand; none means to drive.
    args = parser.parse_args(sys.argv[1:]) if len(sys.argv) > 1 else None
    return bench(args) if args else drive()


if __name__ == '__main__':
    sys.exit(main())
