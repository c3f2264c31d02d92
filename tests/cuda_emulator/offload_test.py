"""-ngl with a GPU, the emulated one: what is said, what is refused, and that a divided model tells the same with and without drafts.
python3 tests/cuda_emulator/offload_test.py build-test/paceline_emulated"""

import json
import os
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / 'e2e'))
import serving  # noqa: E402
import transcript  # noqa: E402

RESERVE_MIB = 1024  # kGpuReserve


class Offload(transcript.Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model = cls.folder / 'model.gguf'
        transcript.Case.run_paceline(cls, ['synth', '--shape', 'tiny', '--type', 'Q4_K_M', '--accept', '0.7', '--seed', '1', '-o', cls.model])

    def json(self, *flags):
        return self.complete_json(self.model, '--temp', '0', '-n', '8', '-c', '128', '-t', '2', *flags)

    def text(self, *flags, mib=None, capability='8.6', **options):
        env = dict(os.environ, CUDA_EMULATOR_CAPABILITY=capability, **({'CUDA_EMULATOR_MIB': str(mib)} if mib else {}))
        words = ['complete', '-m', self.model, '-p', 'ka lo', '-n', '1', '-c', '128', '--temp', '0', *flags]
        return self.expect(words, env=env, **options)

    def test_a_part_of_the_layers(self):
        plain = self.json('-ngl', '2', '--mtp', 'off')
        drafted = self.json('-ngl', '2', '--mtp', '3')
        self.assertEqual(plain['ids'], drafted['ids'])
        self.assertGreater(drafted['drafted'][0], 0)
        self.assertRegex(plain['device'], r'^cuda: .*; the first \d blocks on cpu: 2 threads')

    def test_an_instruction_set_is_for_the_layers_on_the_cpu(self):
        self.assertRegex(self.json('-ngl', '2', '--isa', 'scalar')['device'], r'; the first \d blocks on cpu: .*scalar')
        self.text('-ngl', 'auto', '--isa', 'scalar', stderr='--isa scalar changes nothing, no layer is on the CPU\n')
        self.text('-ngl', 'all', '--isa', 'scalar', status=1, stdout=b'', stderr='the cuda device has no instruction sets')

    def test_the_plan_is_told(self):
        said = self.text('-ngl', '2').stderr.decode()
        self.assertRegex(said, r'2 of \d layers on the GPU \(block \d, output head and draft block\), blocks 0 to \d and the embedding '
                               r'table on the CPU, as -ngl says\n')
        self.assertRegex(said, r'GPU memory: .* model, .* for 1 slot of 128 positions, 1.0 GiB for passes; 7.0 GiB of 8.0 GiB left; the machine\'s: ')
        self.text('-ngl', '1', stderr='layers on the GPU (output head and draft block), blocks 0 to ')

    def test_all_and_as_many_as_fit(self):
        self.text('-ngl', 'auto', stderr=', all fit\n')
        self.text('--device', 'auto', stderr=', all fit\n')
        self.text('-ngl', 'all', stderr=', as asked\n')
        self.text('--device', 'cuda', stderr=', as asked\n')
        self.text('-ngl', '99', stderr=', as -ngl says\n')

    def test_a_gpu_that_is_too_old(self):
        told = 'the GPU (emulator) has compute capability 7.5, expected 8.0 or later'
        self.text('--device', 'cuda', capability='7.5', status=1, stdout=b'', stderr=told)
        self.text('-ngl', '2', capability='7.5', stderr=told)

    def test_too_little_memory(self):
        self.text('-ngl', 'auto', mib=RESERVE_MIB, stderr='all layers on the CPU: not one fits on the GPU, where the output head alone takes ')
        self.text('-ngl', '2', mib=RESERVE_MIB, status=1, stdout=b'', stderr='not one layer fits: use -ngl 0')
        self.text('--device', 'cuda', mib=RESERVE_MIB, status=1, stdout=b'', stderr='expected at most the 1024 MiB that are free')

    def test_a_part_fits(self):
        refused = self.text('-ngl', 'all', mib=RESERVE_MIB, status=1, stdout=b'').stderr.decode()
        mib = int(re.search(r'all \d layers on the GPU take (\d+) MiB', refused)[1])
        self.text('-ngl', 'all', mib=mib, stderr=', as asked\n')
        self.text('-ngl', 'auto', mib=mib - 2, stderr=', more do not fit\n')
        refused = self.text('-ngl', 'all', mib=mib - 2, status=1, stdout=b'').stderr.decode()
        most = re.search(r'; (\d) would fit: use -ngl \1 or -ngl auto', refused)[1]
        self.text('-ngl', most, mib=mib - 2, stderr=f'{most} of 5 layers on the GPU')

    def test_bench(self):
        flags = ['bench', '-m', self.model, '-p', '20', '-n', '2', '-d', '0,20', '--rows', '1..2', '-r', '1', '-t', '2', '--mtp', '2', '--json']
        for where in ['--device', 'cuda'], ['-ngl', '2']:
            report = json.loads(self.expect([*flags, *where]).stdout)
            self.assertRegex(report['device'], '^cuda: ')
            self.assertEqual(len(report['tests']), 6)
            self.assertEqual(report['rows'][0]['logits_hash'], report['rows'][1]['logits_hash'])

    def test_contradictions(self):
        self.text('-ngl', '0', '--device', 'cuda', status=2, stdout=b'', stderr='contradict each other')

    def test_a_server(self):
        # A prompt whose start another one left: snapshots come from both memories and go back there.
        serving.PROGRAM = transcript.BINARY
        server = serving.Server('-ngl', '2', '-np', '2', '-c', '256', '-t', '2', model=('-m', str(self.model)))
        ask = {'prompt': 'ka lo mu ' * 12, 'n_predict': 6, 'temperature': 0}
        answers = [server.call('/completion', ask) for _ in range(2)]
        self.assertEqual(answers[0]['content'], answers[1]['content'])
        self.assertGreater(answers[1]['timings']['cache_n'], 0)
        self.assertIn('2 slots of 256 positions', server.log())
        server.stop()


if __name__ == '__main__':
    transcript.main(sys.argv)
