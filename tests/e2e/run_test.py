"""paceline run through a pseudo-terminal and through pipes. python3 tests/e2e/run_test.py build/paceline

What the chat understood is read back with /save, so that the tests do not depend on how the screen is drawn."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

import transcript

PATIENCE_S = 120
PROMPT = '> '
PLAIN, DIM, TONE = '\x1b[0m', '\x1b[0;2m', re.compile(r'\x1b\[[0-9;]*m')
CONTROL = re.compile(r'\x1b\[[0-9;?]*[A-Za-z]')


class Terminal:
    """paceline on a pseudo-terminal of its own; `screen` is all it has written."""

    def __init__(self, words, environment, columns=80, rows=24):
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.execve(transcript.BINARY, [transcript.BINARY, *map(str, words)], environment)
        self.screen, self.prompts = '', 1
        self.resize(columns, rows)

    def resize(self, columns, rows):
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))

    def send(self, text):
        data = text.encode() if isinstance(text, str) else text
        while data:
            # The terminal takes little at a time, and what comes back must be read meanwhile.
            readable, writable, _ = select.select([self.descriptor], [self.descriptor], [], PATIENCE_S)
            if readable:
                self._read()
            if writable:
                data = data[os.write(self.descriptor, data[:512]):]

    def _read(self):
        try:
            data = os.read(self.descriptor, 65536)
        except OSError:  # the other side is closed
            return False
        self.screen += data.decode(errors='replace')
        return bool(data)

    def plain(self):
        return CONTROL.sub('', self.screen)

    def wait_for(self, text, after=0):
        """Waits until `text` stands behind position `after` of the plain screen; gives the position behind it."""
        deadline = time.monotonic() + PATIENCE_S
        while text not in self.plain()[after:]:
            if time.monotonic() > deadline:
                raise AssertionError(f'{text!r} did not appear in {self.plain()[after:]!r}')
            if select.select([self.descriptor], [], [], 1)[0] and not self._read():
                raise AssertionError(f'ended before {text!r} appeared in {self.plain()[after:]!r}')
        return self.plain().index(text, after) + len(text)

    def wait_for_prompt(self):
        """The editor turns pasting in brackets on each time it begins to read; `prompts` is how often it must have done so."""
        deadline = time.monotonic() + PATIENCE_S
        while self.screen.count('\x1b[?2004h') < self.prompts or not self.plain().rstrip('\r\n').endswith(PROMPT):
            if time.monotonic() > deadline:
                raise AssertionError(f'no prompt after {self.plain()!r}')
            if select.select([self.descriptor], [], [], 1)[0] and not self._read():
                raise AssertionError(f'ended without a prompt: {self.plain()!r}')

    def tone(self):
        """What text would look like now."""
        return (TONE.findall(self.screen) or [PLAIN])[-1]

    def wait_for_tone(self, tone):
        deadline = time.monotonic() + PATIENCE_S
        while self.tone() != tone and time.monotonic() < deadline:
            if select.select([self.descriptor], [], [], 1)[0]:
                self._read()

    def enter(self, text):
        """Types what ends one input, and waits until the next can be typed."""
        self.prompts += 1
        self.send(text)
        self.wait_for_prompt()

    def finish(self):
        """The exit status once the program has ended by itself; negative: the signal."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if select.select([self.descriptor], [], [], 0.05)[0]:
                self._read()
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                while select.select([self.descriptor], [], [], 0)[0] and self._read():
                    pass
                self.mode = termios.tcgetattr(self.descriptor)[3]
                os.close(self.descriptor)
                self.pid = 0
                return os.waitstatus_to_exitcode(status)
        raise AssertionError(f'still running: {self.plain()[-400:]!r}')

    def kill(self):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            os.close(self.descriptor)


class Run(transcript.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model = cls.folder / 'model.gguf'
        subprocess.run([transcript.BINARY, 'synth', '--shape', 'tiny', '--type', 'Q8_0', '--accept', '0.7', '--seed', '1', '-o', cls.model],
                       check=True, capture_output=True)
        # Its text depends on the whole prompt, that of the model above on the last token alone.
        cls.random_model = cls.folder / 'random.gguf'
        subprocess.run([transcript.BINARY, 'synth', '--shape', 'tiny', '--type', 'Q8_0', '--seed', '1', '-o', cls.random_model], check=True,
                       capture_output=True)

    def setUp(self):
        self.state = self.folder / f'state-{self.id()}'
        self.environment = {**os.environ, 'TERM': 'xterm-256color', 'XDG_STATE_HOME': str(self.state), 'HOME': str(self.folder)}
        self.environment.pop('NO_COLOR', None)

    def chat(self, *flags, columns=80, rows=24):
        terminal = Terminal(['run', '-m', self.model, '-n', '24', *flags], self.environment, columns, rows)
        self.addCleanup(terminal.kill)
        terminal.wait_for_prompt()
        return terminal

    def questions(self, terminal):
        """What the chat was asked, as it will be sent to the model."""
        path = self.folder / f'{self.id()}-{time.monotonic_ns()}.json'
        terminal.enter(f'/save {path}\r')
        return [message['content'] for message in json.loads(path.read_text())['messages'] if message['role'] == 'user']

    # --- the chat ---

    def test_answers_and_ends(self):
        terminal = self.chat('--mtp', '3')
        terminal.enter('ka lo\r')
        self.assertIn('tokens per pass', terminal.plain())
        self.assertIn('drafts accepted', terminal.plain())
        self.assertIn('MTP head found', terminal.plain())
        self.assertIn('x the plain', terminal.plain())
        self.assertEqual(self.questions(terminal), ['ka lo'])
        terminal.send('/quit\r')
        self.assertEqual(terminal.finish(), 0)

    def test_a_turn_reads_what_is_new(self):
        terminal = self.chat()

        def tokens(typed):
            """Of the prompt: all, and those that were known."""
            before = len(terminal.plain())
            terminal.enter(typed + '\r')
            facts = re.search(r'prompt\s+(\d+)\s+tokens,\s+(?:(\d+)\s+of\s+them\s+known)?', terminal.plain()[before:])
            return int(facts.group(1)), int(facts.group(2) or 0)

        question, call = 'ka lo mu ' * 20, 16  # more tokens than what asks for an answer
        first, known = tokens(question)
        self.assertEqual(known, 0)
        second, known = tokens(question)
        self.assertGreater(known, first - call)
        third, known = tokens(question)
        self.assertGreater(known, second - call)
        count, known = tokens('/retry')
        self.assertEqual(count, third)
        self.assertGreater(known, third - call)
        # One turn less is the second one again, whatever came after it.
        terminal.enter('/undo\r')
        count, known = tokens('/retry')
        self.assertEqual(count, second)
        self.assertGreater(known, second - call)
        # Another beginning, and the first one again.
        terminal.enter('/new\r')
        self.assertEqual(tokens('mu ' * 60)[1], 0)
        terminal.enter('/new\r')
        count, known = tokens(question)
        self.assertEqual(count, first)
        self.assertGreater(known, first - call)

    def test_a_paste_of_200_lines_is_one_input(self):
        lines = [f'line {i} of the text, with "quotes" and\ttabs' for i in range(200)]
        terminal = self.chat()
        terminal.send('before ')
        terminal.send('\x1b[200~' + '\r'.join(lines) + '\x1b[201~')
        terminal.enter(' after\r')
        self.assertEqual(self.questions(terminal), ['before ' + '\n'.join(lines) + ' after'])

    def test_editing_utf8(self):
        terminal = self.chat()
        # é typed as letter and accent; the family is one character; Home, End, words.
        terminal.enter('Größe 漢字 e\u0301👩‍👩‍👧x' + '\x1b[D\x7f' + '\x7f' + 'ß' + '\x1b[H' + '>' + '\x1b[F' + '!' + '\x1bb\x1bbA\r')
        self.assertEqual(self.questions(terminal), ['>Größe A漢字 ßx!'])
        # Bytes that come one by one.
        for byte in 'né 漢'.encode():
            terminal.send(bytes([byte]))
            time.sleep(0.005)
        terminal.enter('\r')
        self.assertEqual(self.questions(terminal)[-1], 'né 漢')
        terminal.enter(b'a\xffb\r')
        self.assertEqual(self.questions(terminal)[-1], 'a\ufffdb')

    def test_lines_continue(self):
        terminal = self.chat()
        terminal.enter('one\\\rtwo\x1b\rthree\r')
        self.assertEqual(self.questions(terminal), ['one\ntwo\nthree'])

    def test_history_outlives_the_chat(self):
        terminal = self.chat()
        terminal.enter('first\\\rline\r')
        terminal.enter('second\r')
        terminal.send('\x04')
        self.assertEqual(terminal.finish(), 0)
        terminal = self.chat()
        terminal.enter('draft' + '\x1b[A' * 3 + '\x1b[B' * 2 + '!\r')
        # Up: second, up: its last line, up: its first line; down: its last line; down: second again.
        self.assertEqual(self.questions(terminal), ['second!'])

    def test_resize_while_writing(self):
        terminal = self.chat(columns=80)
        text = 'a text that is long enough to need several rows on a narrow terminal'
        for columns, rows in ((80, 24), (20, 6), (5, 2), (200, 50)):
            terminal.resize(columns, rows)
            time.sleep(0.05)
            terminal.send(text[:10])
            text = text[10:] + text[:10]
        terminal.enter('\r')
        whole = 'a text that is long enough to need several rows on a narrow terminal'
        self.assertEqual(self.questions(terminal), [whole[:40]])

    def test_resize_while_answering(self):
        terminal = self.chat('-n', '400')
        terminal.send('ka lo\r')
        for columns in (30, 90, 12, 80):
            terminal.resize(columns, 20)
            time.sleep(0.02)
        terminal.enter('')
        self.assertEqual(self.questions(terminal), ['ka lo'])

    def test_interrupt_while_writing_drops_the_line(self):
        terminal = self.chat()
        terminal.enter('never asked\x03')
        terminal.enter('asked\r')
        self.assertEqual(self.questions(terminal), ['asked'])
        terminal.send('\x03')
        terminal.wait_for('ends the chat')

    def test_a_paste_without_an_end_is_left_by_ctrl_c(self):
        terminal = self.chat()
        terminal.send('\x1b[200~never asked\r')
        time.sleep(0.2)
        terminal.enter('\x03')
        terminal.enter('asked\r')
        self.assertEqual(self.questions(terminal), ['asked'])

    def test_interrupt_while_answering_keeps_the_chat(self):
        terminal = self.chat('-n', '-1', '-c', '8000', '--device', 'reference', '--logit-bias', f'{self.end_token()}-1000')
        terminal.send('ka lo\r')
        time.sleep(0.5)
        terminal.enter('\x03')
        terminal.wait_for('stopped')
        self.assertEqual(self.questions(terminal), ['ka lo'])
        terminal.send('/quit\r')
        self.assertEqual(terminal.finish(), 0)

    def end_token(self):
        ids = self.expect(['tokenize', '-m', self.model, '-p', '<|im_end|>', '--ids']).stdout.decode()
        return json.loads(ids)[0] if ids.startswith('[') else int(ids.split()[0])

    def test_interrupt_while_reading_the_prompt_takes_the_question_back(self):
        terminal = self.chat('-c', '200000', '-ub', '1', '--device', 'reference')
        terminal.send('\x1b[200~' + 'ka lo mu ' * 4000 + '\x1b[201~\r')
        time.sleep(0.5)
        terminal.enter('\x03')
        terminal.wait_for('the question is taken back')
        terminal.enter('short\r')
        self.assertEqual(self.questions(terminal), ['short'])

    def test_end_of_input_everywhere(self):
        for typed in ('', '/help\r', 'ka lo\r'):
            terminal = self.chat()
            if typed:
                terminal.enter(typed)
            terminal.send('\x04')
            self.assertEqual(terminal.finish(), 0, typed)
        # Within a text Ctrl-D deletes; while an answer comes it waits for the next prompt.
        terminal = self.chat()
        terminal.enter('abc\x01\x04\r')
        self.assertEqual(self.questions(terminal), ['bc'])
        terminal.send('ka lo\r')
        time.sleep(0.05)
        terminal.send('\x04')
        self.assertEqual(terminal.finish(), 0)

    def test_a_terminal_that_goes_away_ends_the_program(self):
        for typed in ('', 'half a line', 'ka lo\r'):
            terminal = self.chat('-n', '-1')
            terminal.send(typed)
            os.close(terminal.descriptor)
            deadline = time.monotonic() + PATIENCE_S
            pid = 0
            while not pid and time.monotonic() < deadline:
                pid, status = os.waitpid(terminal.pid, os.WNOHANG)
                time.sleep(0.02)
            self.assertEqual(pid, terminal.pid, f'still running after {typed!r}')
            self.assertIn(os.waitstatus_to_exitcode(status), (-signal.SIGHUP, 0, 1))
            terminal.pid = 0

    def test_commands(self):
        terminal = self.chat()
        for typed, expected in (('/set temp 0.25\r', 'set temp 0.25'), ('/set tempp 1\r', 'did you mean temp?'), ('/hepl\r', 'did you mean /help?'),
                                ('/system ' + 'Be brief. ' * 40 + '\r', 'system message set'), ('/stats\r', 'no answer yet'), ('/undo\r', 'nothing to take back'),
                                ('/retry\r', 'no question'), ('/save\r', 'expected a file name'), ('/se\t\r', 'temp 0.25')):
            before = len(terminal.plain())
            terminal.enter(typed)
            terminal.wait_for(expected, before)
        terminal.enter('//slash\r')
        terminal.enter('/etc/hosts is text\r')
        terminal.enter('third\r')
        terminal.enter('/undo\r')
        terminal.enter('/retry\r')
        self.assertEqual(self.questions(terminal), ['/slash', '/etc/hosts is text'])
        for typed, expected in (('/new and something\r', '/new stands alone'), ('/undo 3\r', '1 … 2, got "3"'), ('/undo two\r', 'got "two"'), ('/undo 99999999999999999999\r', 'got "99999999999999999999"')):
            before = len(terminal.plain())
            terminal.enter(typed)
            terminal.wait_for(expected, before)
        terminal.enter('fourth\r')
        terminal.enter('/undo 2\r')
        self.assertEqual(self.questions(terminal), ['/slash'])
        terminal.enter('/new\r')
        self.assertEqual(self.questions(terminal), [])

    def test_saves_where_it_is_told_to(self):
        terminal = self.chat()
        terminal.enter('ka\r')
        path = self.folder / f'home-{time.monotonic_ns()}.json'
        terminal.enter(f'/save ~/{path.name}\r')
        terminal.wait_for('saved 1 turns')
        self.assertEqual(json.loads(path.read_text())['messages'][0]['content'], 'ka')
        for typed, expected in ((f'/save ~/{path.name}/x\r', 'Not a directory'), ('/save ~/nowhere/x.json\r', 'No such file')):
            before = len(terminal.plain())
            terminal.enter(typed)
            terminal.wait_for(expected, before)

    def test_another_answer_without_chance_is_the_same_one(self):
        for temperature, is_said in (('0', True), ('0.7', False)):
            terminal = self.chat('--temp', temperature)
            terminal.enter('ka\r')
            terminal.enter('/retry\r')
            self.assertEqual('temperature 0 always gives the same answer' in terminal.plain(), is_said)

    def test_a_full_context_is_said_and_survived(self):
        terminal = self.chat('-c', '64')
        terminal.enter('ka lo ' * 100 + '\r')
        terminal.wait_for('expected fewer than the context of 64')
        terminal.enter('ka\r')
        self.assertEqual(self.questions(terminal), ['ka'])
        before = len(terminal.plain())
        terminal.enter('ka lo ' * 20 + '\r')
        self.assertIn('/undo takes the last turn back, /new starts afresh', ' '.join(terminal.plain()[before:].split()))
        self.assertEqual(self.questions(terminal), ['ka'])

    def test_an_answer_that_fills_the_context_says_so(self):
        terminal = self.chat('-n', '-1', '-c', '64', '--logit-bias', f'{self.end_token()}-1000')
        terminal.enter('ka\r')
        said = ' '.join(terminal.plain().split())
        self.assertIn('the context of 64 is full (-c N makes room for more); /undo takes the last turn back, /new starts afresh', said)

    def test_the_terminal_is_left_as_it_was(self):
        terminal = self.chat()
        terminal.send('\x04')
        settings = []
        while True:
            settings.append(termios.tcgetattr(terminal.descriptor))
            if os.waitpid(terminal.pid, os.WNOHANG)[0]:
                break
            if select.select([terminal.descriptor], [], [], 0.01)[0]:
                terminal._read()
        self.assertTrue(settings[-1][3] & termios.ECHO and settings[-1][3] & termios.ICANON and settings[-1][3] & termios.ISIG)
        self.assertEqual(terminal.screen.count('\x1b[?2004h'), terminal.screen.count('\x1b[?2004l'))
        os.close(terminal.descriptor)
        terminal.pid = 0

    def test_signals_leave_the_terminal_as_it_was(self):
        # Its prompts open a thought that does not end.
        model = self.folder / 'thinking.gguf'
        model.write_bytes(self.model.read_bytes().replace(b"assistant\\n' }}{%- endif", b"as<think>\\n' }}{%- endif"))
        endless = ['run', '-m', model, '-n', '-1', '-c', '30000', '--device', 'reference', '--logit-bias', f'{self.end_token()}-1000']
        for words, typed, sent in ((['-p', 'ka lo'], None, signal.SIGINT), (['-p', 'ka lo'], None, signal.SIGTERM), ([], 'ka lo\r', signal.SIGTERM),
                                   ([], 'ka lo\r', signal.SIGQUIT), ([], 'ka lo\r', signal.SIGHUP), ([], '', signal.SIGTERM), ([], '', signal.SIGHUP)):
            with self.subTest(words=words, typed=typed, signal=sent.name):
                terminal = Terminal([*endless, *words], self.environment)
                self.addCleanup(terminal.kill)
                if typed is not None:
                    terminal.wait_for_prompt()
                    terminal.send(typed)
                if typed != '':
                    terminal.wait_for('ka', len(terminal.plain()))
                    terminal.wait_for_tone(DIM)
                os.kill(terminal.pid, sent)
                self.assertEqual(terminal.finish(), -sent)
                self.assertEqual(terminal.tone(), PLAIN)
                self.assertEqual(terminal.mode & (termios.ECHO | termios.ICANON | termios.ISIG), termios.ECHO | termios.ICANON | termios.ISIG)
                self.assertEqual(terminal.screen.count('\x1b[?2004h'), terminal.screen.count('\x1b[?2004l'))

    def test_no_color(self):
        self.environment['NO_COLOR'] = '1'
        terminal = self.chat('--show-drafts')
        terminal.enter('ka lo\r')
        self.assertIsNone(re.search(r'\x1b\[[0-9;]*m', terminal.screen))

    def test_drafts_are_coloured(self):
        terminal = self.chat('--show-drafts', '--mtp', '3')
        terminal.enter('ka lo\r')
        self.assertIn('\x1b[0;32m', terminal.screen)

    def test_a_terminal_without_cursor_movements(self):
        self.environment['TERM'] = 'dumb'
        terminal = Terminal(['run', '-m', self.model, '-n', '8'], self.environment)
        self.addCleanup(terminal.kill)
        terminal.wait_for(PROMPT)
        terminal.send('ka lo\n')
        terminal.wait_for('first token')
        self.assertNotIn('\x1b', terminal.screen)
        terminal.send('/quit\n')
        self.assertEqual(terminal.finish(), 0)

    # --- one answer ---

    def answer(self, *words, stdin=b'', **options):
        return self.run_paceline(['run', '-m', self.random_model, '-n', '24', '--seed', '3', *words], stdin, self.environment, **options)

    def test_pipes_carry_the_answer_alone(self):
        done = self.answer('ka', 'lo')
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        self.assertTrue(done.stdout)
        self.assertNotIn(b'\x1b', done.stdout + done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1)
        self.assertIn(b'MTP head found', done.stderr)
        self.assertEqual(self.answer(stdin=b'ka lo\n').stdout, done.stdout)
        self.assertEqual(self.answer('-p', 'ka lo').stdout, done.stdout)
        self.assertEqual(self.answer('ka lo', '--mtp', 'off').stdout, done.stdout)
        self.assertIn(b'tokens per pass', self.answer('ka lo', '--stats').stderr)

    def test_a_file_follows_the_words(self):
        path = self.folder / 'part.txt'
        path.write_text('from a file\n')
        joined = self.answer('from words\n\nfrom a file')
        self.assertEqual(self.answer('from', 'words', '-f', path).stdout, joined.stdout)
        self.assertEqual(self.answer('from words', '-f', '-', stdin=b'from a file\n\n').stdout, joined.stdout)
        self.assertEqual(self.answer('from words', stdin=b'from a file\n').stdout, joined.stdout)
        self.assertEqual(self.answer('-p', 'ka lo', stdin=b'more').stdout, self.answer('ka lo').stdout)
        self.assertEqual(self.answer('-f', '-', stdin=b'ka lo\n').stdout, self.answer('ka lo').stdout)

    def test_prompts_are_given_once(self):
        for words in (['-p', 'ka', '-f', '/dev/null'], ['-p', 'ka', '-f', '-']):
            for command in ('run', 'complete', 'tokenize'):
                self.expect([command, '-m', self.random_model, *words], status=2, stdout=b'', stderr='-p and -f both give a prompt')
        self.expect(['run', '-m', self.random_model, '-p', 'ka', 'lo', 'mu'], status=2, stdout=b'', stderr='-p and the words "lo mu" both give')

    def test_standard_input_is_left_alone_when_a_prompt_is_given(self):
        for words in (['-p', 'ka lo'], ['-p', '']):
            read_end, write_end = os.pipe()  # nobody writes, nobody closes
            os.write(write_end, b'the next line of a loop\n')
            command = [transcript.BINARY, 'run', '-m', str(self.random_model), '-n', '4', '--seed', '3', *words]
            done = subprocess.run(command, stdin=read_end, capture_output=True, timeout=PATIENCE_S, env=self.environment, check=False)
            self.assertEqual(done.returncode, 0 if words[1] else 2, done.stderr.decode())
            self.assertEqual(os.read(read_end, 100), b'the next line of a loop\n')
            os.close(read_end)
            os.close(write_end)

    def test_nothing_to_answer(self):
        for stdin in (b'', b'\n\n'):
            done = self.answer(stdin=stdin)
            self.assertEqual(done.returncode, 2)
            self.assertEqual(done.stdout, b'')
            self.assertIn(b'there is nothing to answer', done.stderr)

    def test_closed_and_full_outputs(self):
        words = [transcript.BINARY, 'run', '-m', str(self.random_model), '-n', '24', 'ka lo']
        closed = subprocess.run(['sh', '-c', 'exec "$@" >&-', 'sh', *words], stdin=subprocess.DEVNULL, capture_output=True,
                                timeout=PATIENCE_S, env=self.environment, check=False)
        self.assertEqual(closed.returncode, 1)
        self.assertIn(b'standard output', closed.stderr)
        with open('/dev/full', 'wb') as full:
            self.assertEqual(subprocess.run(words, stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE, timeout=PATIENCE_S,
                                            env=self.environment, check=False).returncode, 1)
        read_end, write_end = os.pipe()
        os.close(read_end)
        gone = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=write_end, stderr=subprocess.PIPE, timeout=PATIENCE_S,
                              env=self.environment, check=False, restore_signals=True)
        os.close(write_end)
        self.assertEqual(gone.returncode, -signal.SIGPIPE)

    def test_standard_input_of_a_terminal_with_output_to_a_file(self):
        path = self.folder / 'answer.txt'
        pid, descriptor = pty.fork()
        if pid == 0:
            output = os.open(path, os.O_WRONLY | os.O_CREAT)
            os.dup2(output, 1)
            os.execve(transcript.BINARY, [transcript.BINARY, 'run', '-m', str(self.random_model), '-n', '24', '--seed', '3', 'ka lo'], self.environment)
        screen = b''
        while select.select([descriptor], [], [], PATIENCE_S)[0]:
            try:
                screen += os.read(descriptor, 4096)
            except OSError:
                break
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)
        os.close(descriptor)
        self.assertEqual(path.read_bytes(), self.answer('ka lo').stdout)
        self.assertNotIn(b'\x1b[K', screen)

    def test_models(self):
        self.expect(['run', 'missing/model', 'x'], status=1, stderr='missing/model', env=self.environment)
        self.expect(['run', 'missing.gguf', 'x'], status=1, stderr='missing.gguf does not exist', env=self.environment)
        named = self.run_paceline(['run', self.random_model, '-n', '24', '--seed', '3', 'ka lo'], env=self.environment)
        self.assertEqual(named.stdout, self.answer('ka lo').stdout)
        default = self.run_paceline(['run', '-n', '4', 'hello'], env=self.environment)
        self.assertEqual(default.returncode, 0, default.stderr.decode())
        self.assertIn(b'demo', default.stderr)
        # What has a slash is a model; a question with one is told how to be asked.
        question = 'find the 5 largest files in /var/log'
        self.expect(['run', '-n', '4', question], status=1, stderr='for a question: paceline run -p', env=self.environment)
        self.expect(['run', '-n', '4', '-p', question], stderr='demo', env=self.environment)
        self.expect(['run', '-n', '4', 'hello', question], stderr='demo', env=self.environment)
        self.expect(['run', '/var/log/nothing', 'x'], status=1, stderr='/var/log/nothing', env=self.environment)

    def test_a_model_without_a_template(self):
        model = self.folder / 'no-template.gguf'
        model.write_bytes(self.model.read_bytes().replace(b'tokenizer.chat_template', b'tokenizer.chat_template'[::-1]))
        self.expect(['run', '-m', model, 'x'], status=1, stderr='paceline complete', stdout=b'', env=self.environment)

    def test_escape_codes_of_a_file_do_not_reach_the_terminal(self):
        path, data = self.folder / 'hostile.gguf', self.random_model.read_bytes()
        path.write_bytes(data.replace(b'synthetic tiny', b'a\x1b[31m\xc2\x9bb\x7f\ncde'))
        said = self.run_paceline(['run', '-m', path, '-n', '4', 'ka'], env=self.environment).stderr.decode()
        self.assertTrue(said.startswith('a^[[31m\ufffdb^?^Jcde'), said)
        report = self.expect(['inspect', path]).stdout.decode()
        self.assertIn('"a\\u001b[31m\ufffdb^?\\ncde"', report)
        length = b'\6' + b'\0' * 7  # of the architecture's name, so that keys stay
        path.write_bytes(data.replace(length + b'qwen35', length + b'\x1b[31mq'))
        for words in (['run', '-m', path, 'ka'], ['serve', '-m', path, '--port', '0'], ['complete', '-m', path, '-p', 'ka']):
            done = self.run_paceline(words, env=self.environment)
            self.assertIn(b'^[[31mq', done.stdout + done.stderr, words)
            self.assertNotIn(b'\x1b', done.stdout + done.stderr, words)

    # --- pages ---

    def test_completion_and_manual(self):
        for shell in ('bash', 'zsh', 'fish'):
            self.assertIn(b'paceline', self.expect(['completion', shell]).stdout)
        script = self.folder / 'completion.bash'
        script.write_bytes(self.expect(['completion', 'bash']).stdout)
        ask = ('source "$0"; COMP_WORDS=(paceline run --think o); COMP_CWORD=3; _paceline; echo "${COMPREPLY[*]}"; '
               'COMP_WORDS=(paceline inspect --js); COMP_CWORD=2; _paceline; echo "${COMPREPLY[*]}"')
        said = subprocess.run(['bash', '-c', ask, script], capture_output=True, text=True, timeout=PATIENCE_S, check=True)
        self.assertEqual(said.stdout.split('\n')[:2], ['on off', '--json'])
        self.expect(['completion', 'tcsh'], status=2, stderr='expected a shell')
        self.assertIn(b'.SH NAME', self.expect(['man']).stdout)


if __name__ == '__main__':
    transcript.main(sys.argv)
