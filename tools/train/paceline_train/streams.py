"""Deterministic draws: every record has its own splitmix64 stream, so the same (version, seed, family, index) gives the same bytes
on every machine. No system random, no clock, no floating point in a decision."""
VERSION = 1
SEED = 20260823
MASK = (1 << 64) - 1


def fnv1a64(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 & MASK
    return value


def splitmix64(state):
    state = (state + 0x9E3779B97F4A7C15) & MASK
    value = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB & MASK
    return state, value ^ (value >> 31)


class Stream:
    def __init__(self, family, index, seed=SEED):
        self.state = splitmix64(seed ^ fnv1a64(family) ^ index)[1]

    def bits(self):
        self.state, value = splitmix64(self.state)
        return value

    def below(self, count):
        """Uniform in 0..count-1, by rejection."""
        limit = (1 << 64) - (1 << 64) % count
        value = self.bits()
        while value >= limit:
            value = self.bits()
        return value % count

    def between(self, low, high):
        return low + self.below(high - low + 1)

    def pick(self, items):
        return items[self.below(len(items))]

    def chance(self, percent):
        return self.below(100) < percent

    def shuffled(self, items):
        items = list(items)
        for i in range(len(items) - 1, 0, -1):
            j = self.below(i + 1)
            items[i], items[j] = items[j], items[i]
        return items

    def several(self, items, count):
        return self.shuffled(items)[:count]


def part_of(key):
    """Split by parameter key, so that the same numbers never stand in train and hold-out under other words."""
    return {0: 'holdout', 1: 'validation'}.get(fnv1a64(key) % 100, 'train')
