#!/usr/bin/env python
# -*- coding: utf-8 -*-
'''
What RAET 0.6.8 makes of packets, and Salt's routers of the messages in them, where a Salt is installed beside it. JSON
lines on stdin, one JSON line at the end: how much was parsed, and each fault with its traceback.

    {"reader": "raet|minion|master", "verify": hex, "secret": hex, "short": hex}    a session: whose signature, our
                                                                                     short-term secret, their short-term key
    {"packet": hex}             one datagram of it
    {"body": hex, "bk": 3}      an opened body, without its packets
'''
from __future__ import print_function
import binascii, itertools, json, sys, traceback
from collections import deque

from ioflo.base.consoling import getConsole
getConsole().reinit(verbosity=0)
from raet import nacling, raeting
from raet.lane import paging
from raet.road import packeting

try:
    from salt.daemons.flo import core
    from salt.daemons.masterapi import RemoteFuncs
    from salt.minion import Matcher
    HAS_SALT = True
except ImportError:
    HAS_SALT = False


QUEUES = (None, 'fun', 'remote_cmd', 'local_cmd', 'event_fire', 'event_req', 'presence_req', 'stats_req')


class Bag(object):
    def __init__(self, **kwa):
        self.__dict__.update(kwa)


class Everything(dict):
    '''Whoever is asked for is there.'''
    def __contains__(self, key):
        hash(key)
        return True

    def __getitem__(self, key):
        hash(key)
        return Bag(uid=1, role=u'web1', name=key)


def unhex(text):
    return binascii.unhexlify(text.encode('ascii'))


class Session(object):
    def __init__(self, said):
        self.reader = said['reader']
        self.trays = {}
        self.stack = Bag(veritive=True, remotes={}, incStat=lambda *a: None)
        if said.get('verify'):
            self.stack.remotes[2] = Bag(
                verfer=nacling.Verifier(unhex(said['verify'])),
                privee=nacling.Privateer(unhex(said['secret'])),
                publee=nacling.Publican(unhex(said['short'])))

    def packet(self, raw):
        '''A datagram as a stack takes it; the message it completes, if it does.'''
        packet = packeting.RxPacket(stack=self.stack, packed=raw)
        packet.data.update(sh='127.0.0.1', sp=7530)
        packet.parseOuter()
        packet.index
        data = packet.data
        if data['si'] and not (data['se'] and data['de']):
            raise ValueError('a session of nobody')
        if data['tk'] != raeting.TrnsKind.message or data['pk'] != raeting.PcktKind.message:
            if data['tk'] == raeting.TrnsKind.message:
                packet.parseInner()
            elif data['tk'] in (raeting.TrnsKind.join, raeting.TrnsKind.alive):
                packet.parseInner()
            return None
        tray = self.trays.setdefault(data['ti'], packeting.RxTray(stack=self.stack))
        body = tray.parse(packet)
        if not tray.complete:
            return None
        del self.trays[data['ti']]
        return body

    def body(self, raw, kind):
        packet = packeting.RxPacket(stack=self.stack)
        packet.data.update(bk=kind)
        packet.body.packed = raw
        packet.body.parse()
        return packet.body.data

    def deliver(self, message):
        '''Through the router, and to whom it hands the message.'''
        if self.reader == 'raet':
            return
        if not HAS_SALT:
            s_estate, s_yard, s_share = message['route']['src']
            d_estate, d_yard, d_share = message['route']['dst']
            if d_yard is not None or d_share in QUEUES:
                lane(message)
            return
        lanes, fun = [], deque()
        name = u'm_master' if self.reader == 'master' else u'web1_minion'
        road = Bag(local=Bag(name=name), nameRemotes=Everything(), kind=1)
        out = Bag(local=Bag(name=u'manor'), nameRemotes=Everything(),
                  transmit=lambda msg, uid: lanes.append(msg), fetchUidByName=lambda name: 1)
        router = Bag(opts=Bag(value={'id': u'm'}), road_stack=Bag(value=road), lane_stack=Bag(value=out), fun=Bag(value=fun),
                     event=Bag(value=deque()), stats_req=Bag(value=deque()), workers=Bag(value=itertools.cycle(['worker1'])))
        kind = core.SaltRaetRouterMaster if self.reader == 'master' else core.SaltRaetRouterMinion
        route = kind.__dict__['_process_road_rxmsg']
        route(router, msg=message, sender=u'web1_minion')
        for handed in lanes:
            handed = lane(handed)
            yard = handed['route']['dst'][1]
            if self.reader == 'master' and (yard is None or yard.startswith('worker')):
                work(handed)
        for job in fun:
            run(lane(job))
        for event in router.event.value:
            lane(event).get('tag')
        for asked in router.stats_req.value:
            lane(asked)
        if message['route']['dst'][1:] == [None, None]:
            # An answer that the main process waits for: what it returns may go anywhere.
            lane(message)


def lane(message):
    '''From one process of a daemon to another.'''
    sent = paging.TxBody(page=Bag(data={'pk': raeting.PackKind.pack}), data=message)
    sent.pack()
    got = paging.RxBody(page=Bag(data={'pk': raeting.PackKind.pack}))
    got.packed = sent.packed
    got.parse()
    return got.data


def work(message):
    '''What a master's worker reads before any function has a say.'''
    s_estate, s_yard, s_share = message['route']['src']
    d_estate, d_yard, d_share = message['route']['dst']
    if 'load' in message:
        cmd = message['load'].get('cmd')
        if not cmd or cmd.startswith('__'):
            return
        if hasattr(RemoteFuncs, cmd) and not callable(getattr(RemoteFuncs, cmd)):
            raise TypeError('{0} is no function'.format(cmd))
        if cmd in ('opts', 'event', 'serializer', 'mminion', 'tops', 'cache', 'ckminions', 'local', 'wheel_'):
            raise TypeError('{0} is no function'.format(cmd))


def run(message):
    '''What a minion's main process reads of a job before it has a process of its own.'''
    data = message.get('pub')
    opts = {'id': u'web1', 'grains': {}, 'pillar': {}, 'ipv4': [], 'ipv6': [], 'nodegroups': {}}
    matcher = Matcher(opts, functions={})
    getattr(matcher, '{0}_match'.format(data.get('tgt_type', 'glob')))(data['tgt'])
    'User %s %s %s' % (data.get('user'), data['fun'], data['jid'])
    data['arg'], data['ret']


def main():
    session, faults, count = None, [], {'packets': 0, 'bodies': 0}
    for line in sys.stdin:
        said = json.loads(line)
        try:
            if 'reader' in said:
                session = Session(said)
            elif 'packet' in said:
                count['packets'] += 1
                body = session.packet(unhex(said['packet']))
                if body is not None:
                    count['bodies'] += 1
                    session.deliver(body)
            else:
                count['bodies'] += 1
                session.deliver(session.body(unhex(said['body']), said['bk']))
        except Exception:
            faults.append({'said': line[:400], 'error': traceback.format_exc()})
    print(json.dumps({'salt': HAS_SALT, 'packets': count['packets'], 'bodies': count['bodies'], 'faults': faults}))


if __name__ == '__main__':
    main()
