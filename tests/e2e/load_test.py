"""A crowd, and clients that leave: what bench/server_load.py measures, in seconds. Memory is judged unless a sanitizer adds its own."""

import pathlib
import sys
import unittest

import serving

sys.path.insert(0, str(serving.ROOT / 'bench'))
import server_load


class LoadTest(unittest.TestCase):
    def setUp(self):
        self.judges_memory = b'__asan_init' not in pathlib.Path(serving.PROGRAM).read_bytes()
        server_load.allow_descriptors(2000)

    def test_two_thousand_streams_wait(self):
        cost, times = server_load.crowd(serving.PROGRAM, 2000, 1)
        self.assertGreater(len(times), 0)
        if self.judges_memory:
            self.assertLess(cost, server_load.MOST_BYTES)

    def test_clients_that_leave_take_everything_with_them(self):
        before, after, count, health = server_load.aborts(serving.PROGRAM, 3)
        self.assertGreater(count, 100)
        self.assertEqual(after[0], before[0])
        self.assertEqual(health, b'{"status":"ok"}')
        if self.judges_memory:
            self.assertLess(after[1], before[1] + 8e6)


if __name__ == '__main__':
    serving.main()
