#!/usr/bin/env python
# -*- coding: utf-8 -*-
'''
A RAET 0.6.8 road stack without socket, clock or chance: a line of JSON comes in on stdin, a line goes out on stdout. It
lives as Salt 2018.3.5 lets it live (salt/daemons/flo): a minion joins, waits, allows, waits, then manages every 10 s; a
master manages every 10 s. Python 2.7, 3.6, 3.7.

    {"new": {name, role, kind, main, auto, mutable, ha, dial, dir, seed}}       a host, switched off
    {"at": seconds, "rx": [[host, port, hex]], "do": [[what, ...]]}          one turn of its loop at that time
        start keep|lose|fresh      the process starts; with `lose` its estate files are gone, with `fresh` its keys as well
        stop                       it ends without a word
        send n size                a message to the peer
        decide role standing       what an operator does to a key file: accepted, rejected, null to delete it
        nudge join|allow|alive     the application asks for a transaction

    {"look": true}                              how things stand, and no turn

Answers to a turn: {"tx": [[host, port, hex]], "said": [[what, ...]], "next": seconds or null}. Said are:
    got n size sha256; told n done|refused|absent|kept|lost; ended (as Salt's minion does when rejected); crash traceback
'''
from __future__ import print_function
import binascii, collections, hashlib, json, os, shutil, socket, sys, traceback

os.fsync = lambda fd: None                  # nothing here outlives the machine
socket.getfqdn = lambda host='': 'host'     # no name server

import libnacl
from ioflo.base.storing import Store
from ioflo.base.consoling import getConsole
getConsole().reinit(verbosity=0)
from raet import nacling, raeting
from raet.road import estating, keeping, stacking, transacting

stacking.RoadStack.Bk = raeting.BodyKind.msgpack.value      # salt/daemons/flo/core.py, SaltRaetRoadStackSetup
stacking.RoadStack.JoinentTimeout = 0.0
AUTO = {True: raeting.AutoMode.once.value, False: raeting.AutoMode.never.value}
STANDING = dict((a.name, a.value) for a in raeting.Acceptance)
NAMES = dict((a.value, a.name) for a in raeting.Acceptance)
MANAGE = 10.0       # minion.flo, master.flo: framer manager
PAUSE = 0.5         # minion.flo: frames joined, allowed


class Chance(object):
    '''Bytes that are the same for the same seed.'''
    def __init__(self):
        self.seed(0)

    def seed(self, seed):
        self.state, self.count = str(seed).encode('ascii'), 0

    def bytes(self, size):
        out = b''
        while len(out) < size:
            self.count += 1
            out += hashlib.sha256(self.state + b':' + str(self.count).encode('ascii')).digest()
        return out[:size]

    def name(self, prefix='estate'):
        self.count += 1
        return '{0}_{1:032x}'.format(prefix, self.count)


CHANCE = Chance()
libnacl.randombytes = CHANCE.bytes
nacling.uuid = lambda size=16: CHANCE.name('')[-size:]
estating.Estate.nameGuid = staticmethod(CHANCE.name)


def text(tag, size):
    '''The hex digests of "<tag>:0", "<tag>:1", ... cut at `size` characters.'''
    blocks = (hashlib.sha256('{0}:{1}'.format(tag, i).encode('ascii')).hexdigest() for i in range(size // 64 + 1))
    return ''.join(blocks)[:size]


def tell(messenger, what):
    n = getattr(messenger, 'n', None)
    if n is not None:
        messenger.stack.host.said.append(['told', n, what])


def overhear():
    '''The package's messenger as it is; what becomes of its message is said.'''
    raet = dict(transacting.Messenger.__dict__)

    def message(self, body=None):
        if body is not None and 'payload' in body:
            self.n = body['payload']['n']
        is_allowed = self.remote.allowed
        raet['message'](self, body)
        if not is_allowed:
            tell(self, 'absent')

    def then(name, what):
        def call(self, *args, **kwa):
            raet[name](self, *args, **kwa)
            tell(self, what)
        setattr(transacting.Messenger, name, call)

    transacting.Messenger.message = message
    then('complete', 'done')
    then('reject', 'refused')
    then('nack', 'lost')


class Keep(keeping.RoadKeep):
    '''Keys as Salt keeps them: a standing is what the files say of the key, and nothing else writes it.'''
    def dumpRemoteRole(self, remote):
        if remote.verfer.keyhex and remote.pubber.keyhex:
            text = [str(key.decode('ascii')) for key in (remote.verfer.keyhex, remote.pubber.keyhex)]
            self.statusRole(remote.role, text[0], text[1], dump=True)


class Remote(estating.RemoteEstate):
    def saveMessage(self, messenger):
        estating.RemoteEstate.saveMessage(self, messenger)
        tell(messenger, 'kept')
        messenger.n = None


class Stack(stacking.RoadStack):
    '''Unpatched but for who is told.'''
    def __init__(self, **kwa):
        self.host = kwa.pop('host')
        stacking.RoadStack.__init__(self, **kwa)

    def newRemote(self, **kwa):
        return Remote(**kwa)

    def message(self, body, uid=None, timeout=None):
        if self.retrieveRemote(uid=uid) is None and 'payload' in body:
            self.host.said.append(['told', body['payload']['n'], 'absent'])
        stacking.RoadStack.message(self, body, uid=uid, timeout=timeout)


class Server(object):
    '''In place of the socket.'''
    def __init__(self, ha):
        self.ha, self.rx, self.tx = ha, collections.deque(), []

    def reopen(self):
        return True

    def close(self):
        pass

    def receive(self):
        return self.rx.popleft() if self.rx else (b'', None)

    def send(self, data, da):
        self.tx.append((da, data))
        return len(data)


class Host(object):
    def __init__(self, name, role, kind, main, auto, mutable, ha, dial, dir, seed):
        CHANCE.seed(seed)
        self.name, self.role, self.kind, self.main, self.auto, self.mutable = name, role, kind, main, AUTO[auto], mutable
        self.ha, self.dial, self.dir = tuple(ha), tuple(dial) if dial else None, dir
        self.store, self.stack, self.said = Store(stamp=0.0), None, []
        shutil.rmtree(dir, ignore_errors=True)
        os.makedirs(dir)
        self.draw_keys()

    def draw_keys(self):
        self.keys = dict(sigkey=nacling.Signer().keyhex, prikey=nacling.Privateer().keyhex)

    def keep(self):
        return Keep(dirpath=self.dir, stackname=self.name, auto=self.auto)

    # What can be done to it.

    def start(self, memory):
        if memory == 'fresh':
            self.draw_keys()
            shutil.rmtree(os.path.join(self.dir, 'role', 'local'), ignore_errors=True)
        if memory in ('lose', 'fresh'):
            shutil.rmtree(os.path.join(self.dir, 'local'), ignore_errors=True)
        if memory == 'lose':
            shutil.rmtree(os.path.join(self.dir, 'remote'), ignore_errors=True)
        self.stack = Stack(store=self.store, name=self.name, role=self.role, uid=1, ha=self.ha, kind=self.kind, main=self.main,
                           mutable=self.mutable, keep=self.keep(), server=Server(self.ha), period=3.0, offset=0.5,
                           host=self, **self.keys)
        self.frame, self.since, self.manages = 'router', self.store.stamp, self.store.stamp
        if self.dial:
            self.join()

    def join(self):
        '''SaltRaetRoadStackJoiner, with raet_clear_remotes as it is by default.'''
        stack = self.stack
        for remote in list(stack.remotes.values()):
            stack.removeRemote(remote, clear=True)
        stack.puid = stack.Uid
        remote = stack.addRemote(Remote(stack=stack, fuid=0, sid=0, ha=self.dial, kind=0))
        self.frame = 'join'
        stack.join(uid=remote.uid, timeout=0.0)

    def stop(self):
        self.stack = None

    def peer(self):
        '''The one remote estate this host is about.'''
        remotes = list(self.stack.remotes.values()) if self.stack else []
        return remotes[0] if remotes else None

    def send(self, n, size):
        remote = self.peer()
        if remote is None:
            return self.said.append(['told', n, 'absent'])
        route = {'src': [self.name, None, None], 'dst': [remote.name, None, None]}
        self.stack.transmit({'route': route, 'payload': {'n': n, 'text': text(n, size)}}, remote.uid)

    def decide(self, role, standing):
        keep = self.keep()
        data = keep.loadRemoteRoleData(role)
        if data.get('verhex') is None:
            return
        if standing is None:
            keep.clearRemoteRoleData(role)
        else:
            data['acceptance'] = STANDING[standing]
            keep.dumpRemoteRoleData(data, role)

    def nudge(self, what):
        remote = self.peer()
        if remote is not None:
            getattr(self.stack, what)(uid=remote.uid, cascade=True)

    # How it lives.

    def turn(self, at, rx, do):
        self.store.stamp = at
        for op in do:
            if self.stack or op[0] in ('start', 'decide'):
                getattr(self, op[0])(*op[1:])
        if not self.stack:
            return []
        self.stack.server.rx.extend((binascii.unhexlify(data), (host, port)) for host, port, data in rx)
        self.stack.serviceAllRx()
        self.live()
        if not self.stack:
            return []
        self.stack.serviceAllTx()
        self.take()
        sent, self.stack.server.tx = self.stack.server.tx, []
        return [[da[0], da[1], binascii.hexlify(data).decode('ascii')] for da, data in sent]

    def live(self):
        remotes, now = list(self.stack.remotes.values()), self.store.stamp
        if self.frame == 'join':
            if any(remote.joined for remote in remotes):
                self.frame, self.since = 'joined', now
            elif all(remote.acceptance == STANDING['rejected'] for remote in remotes):
                self.said.append(['ended'])
                self.stack = None
        elif self.frame == 'joined' and now >= self.since + PAUSE:
            self.frame = 'allow'
            for remote in remotes:
                self.stack.allow(uid=remote.uid, timeout=0.0)
        elif self.frame == 'allow':
            if any(remote.allowed for remote in remotes):
                self.frame, self.since = 'allowed', now
        elif self.frame == 'allowed' and now >= self.since + PAUSE:
            self.frame, self.manages = 'router', now
        elif self.frame == 'router' and now >= self.manages:
            self.stack.manage(cascade=True)
            self.manages = now + MANAGE

    def take(self):
        while self.stack.rxMsgs:
            message, _ = self.stack.rxMsgs.popleft()
            payload = message.get('payload') or {}
            got = payload.get('text', '')
            digest = hashlib.sha256(got.encode('utf-8')).hexdigest()
            self.said.append(['got', payload.get('n', 0), len(got), digest])

    def next(self):
        '''When its loop has something to do.'''
        if not self.stack:
            return None
        times = []
        if self.frame in ('joined', 'allowed'):
            times.append(self.since + PAUSE)
        elif self.frame == 'router':
            times.append(self.manages)
        for remote in self.stack.remotes.values():
            for transaction in remote.transactions.values():
                if transaction.timeout > 0.0:
                    times.append(transaction.timer.stop)
                if hasattr(transaction, 'redoTimer'):
                    times.append(transaction.redoTimer.stop)
        return min(times) if times else None

    def view(self):
        remote, roles = self.peer(), self.keep().loadAllRemoteRoleData()
        flags = dict((flag, bool(getattr(remote, flag, False))) for flag in ('joined', 'allowed', 'alived'))
        keys = dict((role, [NAMES.get(data.get('acceptance')), data.get('verhex')]) for role, data in roles.items())
        return dict(flags, up=self.stack is not None, frame=self.frame if self.stack else None, keys=keys,
                    own=nacling.Signer(self.keys['sigkey']).verhex.decode('ascii'))


def main():
    overhear()
    host = None
    for line in iter(sys.stdin.readline, ''):
        command = json.loads(line)
        if 'new' in command:
            host, answer = Host(**command['new']), {}
        elif 'look' in command:
            answer = host.view()
        else:
            answer = {'tx': []}
            try:
                answer['tx'] = host.turn(command['at'], command['rx'], command['do'])
            except Exception:
                host.said.append(['crash', traceback.format_exc()])
                host.stack = None
            answer['said'], host.said = host.said, []
            answer['next'] = host.next()
        sys.stdout.write(json.dumps(answer) + '\n')
        sys.stdout.flush()


if __name__ == '__main__':
    main()
