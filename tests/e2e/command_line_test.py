"""Transcripts of the command line: exit codes, streams, bytes on standard output. python3 tests/e2e/command_line_test.py build/paceline"""

import csv
import json
import os
import subprocess
import sys
import time
import xml.etree.ElementTree

import transcript


class CommandLine(transcript.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model = cls.folder / 'model.gguf'
        subprocess.run([transcript.BINARY, 'synth', '--shape', 'tiny', '--type', 'Q4_K_M', '--accept', '0.7', '--seed', '1',
                        '-o', cls.model], check=True, capture_output=True)

    def complete(self, *flags, **options):
        return self.expect(['complete', '-m', self.model, *flags], **options)

    # --- help and mistakes ---

    def test_help(self):
        self.assertIn(b'complete', self.expect(['help']).stdout)
        self.assertIn(b'--ignore-eos', self.expect(['complete', '--help']).stdout)
        everything = self.expect(['help', '--all']).stdout.decode()
        for word in ('paceline complete', 'paceline synth', '--accept', '--spec-draft-n-max', 'changes nothing here'):
            self.assertIn(word, everything)
        self.expect(['--version'], stdout=b'paceline 0.1.0\n')

    def test_no_command_is_a_usage_error(self):
        self.expect([], status=2, stdout=b'', stderr='usage: paceline COMMAND')

    def test_unknown_words_name_the_nearest(self):
        self.expect(['compelte'], status=2, stdout=b'', stderr='paceline: unknown command compelte; did you mean complete?')
        self.complete('--tmep', '1', status=2, stdout=b'', stderr='paceline: unknown flag --tmep; did you mean --temp?')
        self.complete('--mtp', 'on', status=2, stdout=b'', stderr='--mtp: expected off, auto or a whole number from 0 to 6, got "on"')
        self.complete('--isa', 'avx', status=2, stderr='did you mean avx2?')

    def test_missing_and_broken_models(self):
        self.expect(['complete', '-p', 'x'], status=2, stderr='missing -m MODEL')
        self.expect(['complete', '-m', 'nowhere.gguf', '-p', 'x'], status=1, stdout=b'', stderr='hf download')
        broken = self.folder / 'broken.gguf'
        broken.write_bytes(b'not a model at all')
        self.expect(['complete', '-m', broken, '-p', 'x'], status=1, stdout=b'', stderr='broken.gguf')

    def test_drafts_without_a_head(self):
        headless = self.golden('dense-qwen3.Q8_0.gguf')
        for flags in (['--mtp', '2'], ['--spec-type', 'draft-mtp'], ['--spec-draft-n-max', '2']):
            self.expect(['complete', '-m', headless, '-p', 'x', *flags], status=2, stdout=b'', stderr='has no MTP head')
        for flags in (['--mtp', '0'], ['--mtp', 'off'], ['--mtp', 'auto'], []):
            self.expect(['complete', '-m', headless, '-p', 'x', '-n', '2', '--temp', '0', *flags])

    def golden(self, name):
        return os.path.join(os.path.dirname(__file__), '..', 'golden', name)

    # --- complete ---

    def test_standard_output_is_the_tokens_bytes(self):
        flags = ['-p', 'ka lo mu', '-n', '40', '--temp', '0']
        text = self.complete(*flags).stdout
        result = json.loads(self.complete(*flags, '--json').stdout)
        self.assertEqual(text.decode(), result['text'])
        self.assertEqual(len(result['ids']), 40)
        self.assertEqual(result['stop'], 'length')
        pieces = self.expect(['tokenize', '-m', self.model, '-p', 'ka lo mu', '--json']).stdout
        self.assertEqual(json.loads(pieces)['ids'], result['prompt_ids'])

    def test_pipes_that_do_not_block(self):
        words = ['inspect', self.model, '--json']
        expected = self.expect(words).stdout
        self.assertGreater(len(expected), 1 << 17, 'more than a pipe holds')
        read_end, write_end = os.pipe()
        os.set_blocking(write_end, False)
        with subprocess.Popen([transcript.BINARY, *words], stdout=write_end) as process:
            os.close(write_end)
            time.sleep(0.3)  # until it is full
            with open(read_end, 'rb') as pipe:
                self.assertEqual(pipe.read(), expected)
        self.assertEqual(process.returncode, 0)
        words = ['tokenize', '-m', self.model]
        read_end, write_end = os.pipe()
        os.set_blocking(read_end, False)
        with subprocess.Popen([transcript.BINARY, *words], stdin=read_end, stdout=subprocess.PIPE) as process:
            os.close(read_end)
            time.sleep(0.3)  # it finds nothing
            os.write(write_end, b'ka lo')
            os.close(write_end)
            self.assertEqual(process.stdout.read(), self.expect(words, stdin=b'ka lo').stdout)
        self.assertEqual(process.returncode, 0)

    def test_prompt_from_standard_input_and_file(self):
        flags = ['-n', '12', '--temp', '0']
        expected = self.complete('-p', 'ka lo\n', *flags).stdout
        self.complete(*flags, stdin=b'ka lo\n', stdout=expected)
        prompt = self.folder / 'prompt.txt'
        prompt.write_bytes(b'ka lo\n')
        self.complete('-f', prompt, *flags, stdout=expected)
        self.complete(*flags, stdin=b'', status=2, stdout=b'', stderr='the prompt is empty')

    def test_depth_chunk_threads_and_synonyms_change_no_byte(self):
        flags = ['-p', 'ka lo mu re', '-n', '50', '--seed', '7', '--temp', '0.8']
        expected = self.complete(*flags, '--mtp', 'off').stdout
        self.assertNotEqual(expected, b'')
        for more in (['--mtp', 'auto'], ['--mtp', '1'], ['--mtp', '6'], ['-ub', '1'], ['-t', '1'], ['-t', '2', '--mtp', '3'],
                     ['--spec-type', 'draft-mtp', '--spec-draft-n-max', '2'], ['--spec-type', 'none'], ['--isa', 'scalar', '--mtp', 'off']):
            if more[0] == '--isa':  # bits may differ between instruction sets; the command must work
                self.complete(*flags, *more)
            else:
                self.complete(*flags, *more, stdout=expected)

    def test_seeds(self):
        flags = ['-p', 'ka lo', '-n', '4']
        self.complete(*flags, '--seed', '3', stdout=self.complete(*flags, '--seed', '3').stdout)
        self.complete(*flags, stderr='paceline: seed ')

    def test_end_tokens_stop_unless_ignored(self):
        flags = ['-p', 'ka lo', '-n', '8', '--temp', '0']
        end = 20416 + 2
        forced = self.complete(*flags, '--logit-bias', f'{end}+1000')
        self.assertEqual(forced.stdout, b'')
        result = json.loads(self.complete(*flags, '--logit-bias', f'{end}+1000', '--json').stdout)
        self.assertEqual((result['ids'], result['stop']), ([], 'end'))
        ignored = json.loads(self.complete(*flags, '--logit-bias', f'{end}+1000', '--ignore-eos', '--json').stdout)
        self.assertEqual((len(ignored['ids']), ignored['stop']), (8, 'length'))

    def test_special_tokens_are_parsed_and_never_printed(self):
        result = json.loads(self.complete('-p', '<|im_start|>ka', '-n', '1', '--temp', '0', '--json').stdout)
        self.assertEqual(result['prompt_ids'][0], 20416 + 1)
        control = self.complete('-p', 'ka', '-n', '3', '--temp', '0', '--logit-bias', f'{20416 + 1}+1000')
        self.assertEqual(control.stdout, b'')

    def test_context_is_a_limit(self):
        note = 'the context of 32 is full (-c N makes room for more)'
        result = json.loads(self.complete('-p', 'ka lo mu', '-c', '32', '--temp', '0', '--json', stderr=note).stdout)
        self.assertNotIn('is full', self.complete('-p', 'ka lo mu', '-c', '32', '--temp', '0', '-n', '4').stderr.decode())
        self.assertEqual(result['stop'], 'context')
        self.assertIn(len(result['prompt_ids']) + len(result['ids']), (32, 33))
        self.complete('-p', 'ka lo mu ' * 40, '-c', '16', status=1, stdout=b'', stderr='context of 16')

    def test_json_reports_drafts_by_position(self):
        result = json.loads(self.complete('-p', 'ka', '-n', '60', '--temp', '0', '--mtp', '3', '--json').stdout)
        self.assertEqual(len(result['drafted']), 3)
        self.assertEqual(len(result['accepted']), 3)
        self.assertGreater(result['accepted'][0], 0)
        self.assertGreater(result['tokens_per_pass'], 1)
        self.assertGreater(result['timings']['tokens_per_s'], 0)

    def test_idle_flags_of_other_tools_are_said_once(self):
        done = self.complete('-p', 'ka', '-n', '1', '-ngl', '99', '-fa', 'on', '--temp', '0', stderr='-ngl changes nothing here')
        self.assertEqual(done.stderr.decode().count('-fa changes nothing here'), 1)

    def test_without_a_gpu_the_program_says_so_in_one_line(self):
        done = self.complete('-p', 'ka', '--device', 'cuda', status=1, stdout=b'', stderr='paceline: there is no cuda device here: ')
        self.assertEqual(done.stderr.count(b'\n'), 1, done.stderr)

    # --- streams ---

    def test_a_closed_or_full_standard_output_is_an_error(self):
        command = [transcript.BINARY, 'complete', '-m', str(self.model), '-p', 'ka', '-n', '5', '--temp', '0']
        closed = subprocess.run(['sh', '-c', 'exec "$@" >&-', 'sh', *command], capture_output=True, timeout=transcript.TIMEOUT_S)
        self.assertEqual(closed.returncode, 1)
        self.assertIn(b'standard output', closed.stderr)
        with open('/dev/full', 'wb') as full:
            done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, timeout=transcript.TIMEOUT_S)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b'No space left', done.stderr)

    def test_a_reader_that_leaves_ends_us(self):
        process = subprocess.Popen([transcript.BINARY, 'complete', '-m', str(self.model), '-p', 'ka', '--temp', '0', '--ignore-eos', '-c', '30000'],
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        process.stdout.read(1)
        process.stdout.close()
        self.assertEqual(process.wait(timeout=transcript.TIMEOUT_S), -13)  # SIGPIPE

    # --- the other commands ---

    def test_inspect(self):
        report = json.loads(self.expect(['inspect', self.model, '--json']).stdout)
        self.assertTrue(report['mtp_head'])
        self.assertEqual(len(report['tensors']), 71)
        self.assertEqual(report['metadata']['qwen35.nextn_predict_layers'], 1)
        self.assertEqual(sum(row['tensors'] for row in report['mix'].values()), 71)
        # Two attention blocks (one of the trunk, the draft block) of 64 columns, keys and values, two bytes each.
        self.assertEqual(report['memory_bytes']['kv_per_token'], 2 * 2 * 64 * 2)
        text = self.expect(['inspect', self.model]).stdout.decode()
        for words in ('MTP head: found', 'token_embd.weight', 'Q6_K', 'memory needed', 'qwen35.block_count'):
            self.assertIn(words, text)

    def test_tokenize(self):
        lines = self.expect(['tokenize', '-m', self.model], stdin='ka<|im_end|>é'.encode()).stdout.decode().splitlines()
        self.assertTrue(lines[0].endswith('\t"ka"'))
        self.assertTrue(lines[1].endswith('\t"<|im_end|>"'))
        ids = self.expect(['tokenize', '-m', self.model, '-p', 'a<|im_end|>', '--ids', '--no-parse-special']).stdout.split()
        self.assertGreater(len(ids), 3)

    def test_logits_of_a_golden_file(self):
        out = self.folder / 'golden'
        self.expect(['logits', self.golden('hybrid-tied.Q8_0.gguf'), '--tokens', self.golden('hybrid-tied.Q8_0.json'), '--out', out,
                     '-ctk', 'f32', '-ctv', 'f32', '--device', 'reference'])
        self.assertEqual((self.folder / 'golden.trunk.f32').stat().st_size, os.stat(self.golden('hybrid-tied.Q8_0.trunk.f32')).st_size)
        self.assertEqual((self.folder / 'golden.mtp.f32').stat().st_size, os.stat(self.golden('hybrid-tied.Q8_0.mtp.f32')).st_size)
        self.expect(['logits', self.model, '--out', out], status=2, stderr='missing --tokens FILE.json')

    def test_logits_of_wrong_tokens(self):
        tokens, model = self.folder / 'tokens.json', self.golden('hybrid-tied.Q8_0.gguf')
        for text, complaint in (('[]', 'prompt_tokens is missing'), ('{}', 'prompt_tokens is missing'), ('[1', 'tokens.json: line 1'),
                                ('{"prompt_tokens": []}', 'prompt_tokens is [], expected a list of at least one token'),
                                ('{"prompt_tokens": {"a": 1}}', 'prompt_tokens is {"a":1}, expected a list'),
                                ('{"prompt_tokens": [0, -1]}', 'tokens.json: prompt_tokens[1] is -1, expected a whole number from 0 to '),
                                ('{"prompt_tokens": [4294967297]}', 'prompt_tokens[0] is 4294967297'), ('{"prompt_tokens": [18446744073709551615]}', '[0] is 18446744073709551615'),
                                ('{"prompt_tokens": [1000000]}', '[0] is 1000000'), ('{"prompt_tokens": [0, 0, 1.5]}', '[2] is 1.5'), ('{"prompt_tokens": ["1"]}', '[0] is "1"')):
            tokens.write_text(text)
            self.expect(['logits', model, '--tokens', tokens, '--out', self.folder / 'wrong'], status=1, stderr=complaint)

    def test_bench(self):
        flags = ['bench', '-m', self.model, '-p', '16,32', '-n', '8', '-d', '0,20', '--rows', '1..4', '-r', '2', '--mtp', '2']
        report = json.loads(self.expect([*flags, '--json']).stdout)
        self.assertEqual([(row['test'], row['depth']) for row in report['tests']],
                         [(test, depth) for depth in (0, 20)
                          for test in ('prompt 16', 'prompt 32', 'generate 8, plain', 'generate 8, drafts 2')])
        for row in report['tests']:
            self.assertEqual(len(row['tokens_per_s']), 2)
            self.assertGreater(row['median'], 0)
        self.assertGreater(report['read_gb_per_s'], 0)
        self.assertEqual([row['rows'] for row in report['rows']], [1, 2, 3, 4])
        self.assertEqual(len({row['logits_hash'] for row in report['rows']}), 1, 'the first row alone and in company')
        table = self.expect(flags).stdout.decode()
        self.assertIn('| generate 8, plain | 20 |', table)
        self.expect(['bench', '-m', self.model, '--rows', '0..4'], status=2, stderr='--rows: expected A..B within 1..16')
        self.expect(['bench', '-m', self.model, '-p', '5,x'], status=2, stderr='separated by commas, got "x"')

    def test_bench_of_kernels(self):
        rows = json.loads(self.expect(['bench', '-m', self.model, '--kernels', '-r', '1', '--json']).stdout)
        names = [row['kernel'] for row in rows]
        for part in (' few', ' many', 'attention at 4096', 'delta rule', 'rms_norm of', 'swiglu of', 'norm and rotation of',
                     'storing keys', 'conv_silu', 'the best 64 of'):
            self.assertTrue(any(part in name for name in names), f'{part} in {names}')
        for row in rows:
            self.assertGreater(row['ms'], 0)
            self.assertTrue(row['gb_per_s'] > 0 or row['gop_per_s'] > 0, row)
        self.assertIn('| conv_silu | 512 |', self.expect(['bench', '-m', self.model, '--kernels', '-r', '1']).stdout.decode())

    def test_bench_of_everyday_tasks(self):
        chart = self.folder / 'chart.svg'
        flags = ['bench', '-m', self.model, '-r', '2', '--answer-tokens', '24']
        report = json.loads(self.expect([*flags, '--json', '--svg', chart]).stdout)
        tasks, modes = ['code', 'DevOps', 'maths', 'prose', 'copy'], ['plain', 'n=1', 'n=2', 'n=3', 'auto']
        self.assertEqual([(row['use_case'], row['mode']) for row in report['results']], [(task, mode) for task in tasks for mode in modes])
        for row in report['results']:
            self.assertEqual(len(row['tokens_per_s']), 2)
            self.assertGreater(row['median'], 0)
            if row['mode'] == 'plain':
                self.assertEqual(row['speed_up'], [1, 1])
                self.assertEqual(row['tokens_per_pass'], 1)
        drawing = xml.etree.ElementTree.parse(chart).getroot()
        self.assertEqual(len(drawing.findall('.//{*}rect')), 1 + 5 + 25 + 20, 'page, legend, two panels of bars')
        self.assertIn('prefers-color-scheme:dark', drawing.find('{*}style').text)
        rows = list(csv.DictReader(self.expect([*flags, '--csv']).stdout.decode().splitlines()))
        self.assertEqual(len(rows), 25)
        self.assertEqual(rows[3]['mode'], 'n=3')
        self.assertIn('| copy | n=2 |', self.expect([*flags, '--mtp', '2']).stdout.decode())
        self.expect([*flags, '--json', '--csv'], status=2, stderr='expected one of them')
        self.expect([*flags, '-n', '5'], status=2, stderr='--answer-tokens belong to the everyday tasks')
        self.expect([*flags, '--svg', self.folder / 'no/such/folder.svg'], status=1, stderr='cannot write')

    def test_bench_of_a_suite(self):
        flags = ['bench', '-m', self.model, '-r', '1', '--answer-tokens', '8', '--mtp', '2']
        report = json.loads(self.expect([*flags, '--suite', 'mt-bench', '--questions', '1', '--json']).stdout)
        kinds = ['writing', 'roleplay', 'reasoning', 'math', 'coding', 'extraction', 'stem', 'humanities']
        self.assertEqual([row['use_case'] for row in report['results'] if row['mode'] == 'plain'], kinds)
        own = self.folder / 'own.jsonl'
        own.write_text('{"category": "a", "turns": ["ka"]}\n\n{"category": "b", "turns": ["lo"]}\n'
                       '{"category": "a", "turns": ["mu"]}\n{"category": "a", "turns": ["' + 'ka lo ' * 6000 + '"]}\n')
        report = json.loads(self.expect([*flags, '--suite', own, '--questions', '9', '--json'], stderr='1 questions of').stdout)
        self.assertEqual([(row['use_case'], row['mode'], row['tokens']) for row in report['results']],
                         [('a', 'plain', 16), ('a', 'n=2', 16), ('b', 'plain', 8), ('b', 'n=2', 8)])
        own.write_text('{"category": "a", "turns": ["ka"]}\n{"turns": ["lo"]}\n')
        self.expect([*flags, '--suite', own], status=1, stderr='own.jsonl, line 2: expected an object')
        self.expect([*flags, '--suite', 'nothing'], status=1, stderr='there is no suite nothing')
        self.expect([*flags, '--questions', '2'], status=2, stderr='--questions needs --suite')

    def test_bench_of_servers(self):
        flags = ['bench', '-r', '1', '--answer-tokens', '8']
        with subprocess.Popen([transcript.BINARY, 'serve', self.model, '--port', '0', '--api-key', 'secret'], stderr=subprocess.PIPE, text=True) as server:
            try:
                url = next(line for line in server.stderr if 'ready at' in line).split('ready at ')[1].split()[0].rstrip(';,')
                servers = ['--server', url, '--server', url + '/v1', '--api-key', 'secret']
                report = json.loads(self.expect([*flags, *servers, '--json']).stdout)
                self.assertEqual([row['use_case'] for row in report['results'][::2]], ['code', 'DevOps', 'maths', 'prose', 'copy'])
                for row in report['results']:
                    self.assertEqual(row['tokens'], 7, 'after the first')
                    self.assertGreater(row['median'], 0)
                    self.assertGreater(row['prompt_tokens'], 10)
                self.assertEqual(report['results'][0]['speed_up'], [1])
                report = json.loads(self.expect([*flags, *servers, '--json', '--suite', 'mt-bench', '--questions', '1']).stdout)
                self.assertEqual(report['results'][0]['use_case'], 'writing')
                self.expect([*flags, '--server', url], status=1, stderr='/v1/models answers 401')
            finally:
                server.terminate()
                server.communicate()
        self.expect([*flags, '--server', url], status=1, stderr='cannot connect to')
        self.expect([*flags, '--server', 'https://example.org'], status=1, stderr='expected http://HOST')
        self.expect([*flags, '--server', url, '--mtp', '2'], status=2, stderr='expected no flag of drafts')
        self.expect([*flags, '--api-key', 'k'], status=2, stderr='--api-key needs --server')

    def test_bench_of_many_clients(self):
        chart = self.folder / 'load.svg'
        flags = ['bench', '-m', self.model, '--clients', '3', '-r', '1', '--answer-tokens', '12']
        report = json.loads(self.expect([*flags, '--json', '--svg', chart]).stdout)
        self.assertEqual([row['mode'] for row in report['results']], ['1 client, plain', '3 clients, plain', '3 clients, auto'])
        for row in report['results']:
            self.assertEqual(len(row['first_token_s']), 6)
            self.assertGreater(row['tokens_per_s'][0], 0)
            self.assertEqual(row['cached_share'], 0)
        self.assertGreater(report['results'][1]['requests_per_step'], report['results'][0]['requests_per_step'])
        drawing = xml.etree.ElementTree.parse(chart).getroot()
        self.assertEqual(len(drawing.findall('.//{*}rect')), 1 + 3 + 6 + 6, 'page, three panels of bars')
        self.assertIn('| 3 clients, n=2 |', self.expect([*flags, '--mtp', '2', '-p', '40', '--rate', '100']).stdout.decode())
        trace = self.folder / 'trace.jsonl'
        trace.write_text(''.join(json.dumps({'timestamp': 50 * i, 'input_length': 1100, 'output_length': 5, 'hash_ids': [1, 2, 10 + i]}) + '\n'
                                 for i in range(3)))
        flags = ['bench', '-m', self.model, '--clients', '1', '-r', '1', '--trace', trace]
        rows = list(csv.DictReader(self.expect([*flags, '--requests', '3', '--csv']).stdout.decode().splitlines()))
        self.assertEqual([row['mode'] for row in rows], ['1 client, plain', '1 client, auto'])
        for row in rows:
            self.assertAlmostEqual(float(row['cached_share']), 2 * 1024 / 3300, places=3)
        self.expect([*flags, '-p', '5'], status=2, stderr='--trace has the lengths')
        self.expect(['bench', '-m', self.model, '--rate', '5'], status=2, stderr='need --clients N')
        self.expect(['bench', '-m', self.model, '--clients', '2', '-n', '5'], status=2, stderr='--clients stands alone')

    def test_lookup_copies_what_was_there_before(self):
        prompt = 'ka lo mu ' * 30
        reports = [self.complete_json(self.model, '--temp', '0', '-n', '100', *flags, prompt=prompt)
                   for flags in (['--mtp', 'off'], ['--mtp', 'off', '--lookup', 'on'], ['--mtp', '2', '--lookup', 'on'], [])]
        for report in reports[1:]:
            self.assertEqual(report['ids'], reports[0]['ids'])
        self.assertEqual(reports[0]['lookup_drafted'], 0)

    def test_hugging_face_cache(self):
        snapshot = self.folder / 'hub/models--org--model/snapshots/c0ffee'
        snapshot.mkdir(parents=True)
        (snapshot / 'model-Q4_K_M.gguf').symlink_to(self.model)
        environment = {**os.environ, 'HF_HOME': str(self.folder)}
        self.expect(['inspect', 'org/model', '--json'], env=environment)
        self.expect(['inspect', 'org/model:Q4_K_M'], env=environment)
        self.expect(['inspect', 'org/model:Q8_0'], env=environment, status=1, stderr='it has model-Q4_K_M.gguf')


if __name__ == '__main__':
    transcript.main(sys.argv)
