"""Writes what Mercurial's run-tests.py does to a file, one JSON object a line.

Loaded by run-tests.py through CUSTOM_TEST_RESULT=test_events; the file is named by HGA_EVENTS. Each line stands by
itself (a test's end carries outcome, reason, seconds and diff), so a reader may begin at any line. Nothing that goes
wrong in here may disturb the tests: it is swallowed, and told once in a line of its own. Python 3.5 and later.
"""

import json
import os
import sys
import threading
import time
import unittest

DIFF_LIMIT = 1 << 20
TEXT_LIMIT = 64 << 10
CUT = '\n[cut here: the rest is in the test\'s .err file]\n'

_lock = threading.RLock()
_state = {'fd': None, 'told': False}


def _text(value):
    if isinstance(value, bytes):
        value = value.decode('utf-8', 'replace')
    elif not isinstance(value, str):
        value = str(value)
    # lone surrogates (names that are no UTF-8) are no JSON that others read
    return value.encode('utf-8', 'surrogateescape').decode('utf-8', 'replace')


def _safe_text(value, limit):
    try:
        text = _text(value)
    except UnicodeError:
        text = ascii(value)
    if len(text) > limit:
        text = text[:limit] + CUT
    return text


def _write(record):
    path = os.environ.get('HGA_EVENTS')
    if not path:
        return
    # json escapes everything that is not ASCII, line feeds too
    line = (json.dumps(record, sort_keys=True) + '\n').encode('ascii')
    with _lock:
        if _state['fd'] is None:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, 'O_CLOEXEC', 0)
            _state['fd'] = os.open(path, flags, 0o600)
        rest = line
        while rest:
            # one call in all but the rarest case (a full disk takes a part)
            rest = rest[os.write(_state['fd'], rest) :]


def _guard(work):
    try:
        work()
    except Exception as error:  # never the tests' trouble
        try:
            if not _state['told']:
                _state['told'] = True
                _write({'event': 'trouble', 'text': _safe_text(repr(error), 2000)})
        except Exception:
            pass


def _base():
    found = getattr(sys.modules.get('__main__'), 'TestResult', None)
    return found if isinstance(found, type) else unittest.TextTestResult


_Base = _base()


def _name(test):
    return _safe_text(getattr(test, 'name', None) or str(test), 4096)


def _traceback(err):
    import traceback

    return ''.join(traceback.format_exception(*err))


class TestResult(_Base):
    """run-tests.py's own result, with a witness."""

    def __init__(self, *args, **kwargs):
        # unittest's own class does not take run-tests' options first
        if _Base is unittest.TextTestResult and len(args) == 4:
            args = args[1:]
        super().__init__(*args, **kwargs)
        # by identity: the same test may run several times at once
        self._hga_open = {}

    def _hga_plan(self, suite):
        options = getattr(self, '_options', None)
        # the runner says beforehand neither what it will not start nor how many times it will run each
        runs = getattr(suite, '_runs_per_test', 1) or 1
        record = {'event': 'planned', 'total': suite.countTestCases() * runs}
        jobs = getattr(suite, '_jobs', None) or getattr(options, 'jobs', None)
        if isinstance(jobs, int):
            record['jobs'] = jobs
        _write(record)

    def _hga_note(self, test, outcome, reason=None):
        with _lock:
            now = self._hga_open.get(id(test))
            if now is None:
                # never started: skipped or ignored before its turn
                record = {'event': 'ended', 'name': _name(test), 'outcome': outcome}
                if reason is not None:
                    record['reason'] = _safe_text(reason, TEXT_LIMIT)
                _write(record)
                return
            # the first word counts, but an error (of the clean-up, say) outweighs it
            if now.get('outcome') is None or (outcome == 'error' and now['outcome'] != 'error'):
                now['outcome'] = outcome
                now['reason'] = reason

    def _hga_end(self, test, interrupted):
        with _lock:
            now = self._hga_open.pop(id(test), None)
        if now is None:
            return
        outcome = now.get('outcome')
        reason = now.get('reason')
        if outcome is None:
            outcome = 'error'
            reason = 'interrupted' if interrupted else 'the runner told no result'
        record = {
            'event': 'ended',
            'name': now['name'],
            'outcome': outcome,
            'seconds': round(time.monotonic() - now['since'], 3),
        }
        if reason is not None:
            record['reason'] = _safe_text(reason, TEXT_LIMIT)
        if now.get('diff'):
            record['diff'] = now['diff']
        _write(record)

    def onStart(self, test):
        _guard(lambda: self._hga_plan(test))
        base = getattr(super(), 'onStart', None)
        return base(test) if base else None

    def startTest(self, test):
        def work():
            name = _name(test)
            with _lock:
                self._hga_open[id(test)] = {'name': name, 'since': time.monotonic()}
            _write({'event': 'started', 'name': name})

        _guard(work)
        return super().startTest(test)

    def addSuccess(self, test):
        options = getattr(self, '_options', None)
        # --list-tests calls every test a success without running it
        if not getattr(options, 'list_tests', False):
            _guard(lambda: self._hga_note(test, 'passed'))
        return super().addSuccess(test)

    def addFailure(self, test, reason):
        outcome = 'timedout' if reason == 'timed out' else 'failed'
        shown = reason if not isinstance(reason, tuple) else repr(reason[1])
        _guard(lambda: self._hga_note(test, outcome, shown))
        return super().addFailure(test, reason)

    def addError(self, test, err=None, *args, **kwargs):
        def work():
            told = kwargs.get('message') or (args[0] if args else None)
            if told is None and err is not None:
                told = _traceback(err) if isinstance(err, tuple) else err
            self._hga_note(test, 'error', told)

        _guard(work)
        return super().addError(test, err, *args, **kwargs)

    def addSkip(self, test, reason):
        _guard(lambda: self._hga_note(test, 'skipped', reason))
        return super().addSkip(test, reason)

    def addIgnore(self, test, reason):
        _guard(lambda: self._hga_note(test, 'ignored', reason))
        base = getattr(super(), 'addIgnore', None)
        return base(test, reason) if base else None

    def addOutputMismatch(self, test, *args, **kwargs):
        base = getattr(super(), 'addOutputMismatch', None)
        accepted = base(test, *args, **kwargs) if base else False

        def work():
            diff = getattr(self, 'faildata', {}).get(test.name)
            if diff:
                text = diff[:DIFF_LIMIT].decode('utf-8', 'replace') if isinstance(diff, bytes) else diff[:DIFF_LIMIT]
                if len(diff) > DIFF_LIMIT:
                    text += CUT
                with _lock:
                    if id(test) in self._hga_open:
                        self._hga_open[id(test)]['diff'] = _safe_text(text, DIFF_LIMIT + len(CUT))

        if not accepted:
            _guard(work)
        return accepted

    def stopTest(self, test, *args, **kwargs):
        try:
            return super().stopTest(test, *args, **kwargs)
        finally:
            interrupted = kwargs.get('interrupted') or (args[0] if args else False)
            _guard(lambda: self._hga_end(test, interrupted))
