"""What a finished model practises when its training goes on from a file: the families it gets wrong, and exercises in which it has to
look many things up. Only trained on, never evaluated; the split by key holds for the families here as everywhere."""
from . import maths, more_maths, probability
from .probability import Bag, chance_of, ending, join


def draw_each(stream):
    """The chance of several colours in shuffled order: a document full of look-ups, where two draws have one or two."""
    bag = Bag(stream, 1, stream.between(2, 5))
    order = stream.shuffled(range(len(bag.colours)))[:stream.between(2, 4)]
    names = [bag.colours[i] for i in order]
    middle = stream.pick((f'you draw one {bag.one}', f'one {bag.one} is drawn at random', f'you pick one {bag.one} at random'))
    steps, answers, lead = [bag.total_step()], [], stream.pick(('Count', 'First draw,'))
    for i in order:
        steps.append(f'{lead} {bag.colours[i]}: {bag.counts[i]} of the {bag.total} {bag.things}, so P({bag.colours[i]}) = {bag.counts[i]}/{bag.total}.')
    for i in order:
        closing, answer = ending(bag.counts[i], bag.total)
        steps += closing
        answers.append(answer)
    question = join(stream, bag.opening(stream), middle, chance_of(stream, f'it is {", ".join(names[:-1])} or {names[-1]}, each by itself'))
    return bag.key(*order), question, steps, ', '.join(answers)


def reduce_each(stream):
    """Several fractions, some of them in lowest terms already: the decision is what goes wrong."""
    lines, answers, asked = [], [], []
    for _ in range(stream.between(2, 4)):
        factor = stream.pick((1, 2, 3, 4, 5, 6, 7, 9))
        top, bottom = sorted((factor * stream.between(1, 9), factor * stream.between(2, 20)))
        asked.append(f'{top}/{bottom}')
        closing, answer = ending(top, bottom)
        lines += closing
        answers.append(answer)
    text = ', '.join(asked[:-1]) + f' and {asked[-1]}'
    question = stream.pick(('Simplify {}.', 'Reduce {} to lowest terms.', 'Write {} in lowest terms.')).format(text)
    return tuple(asked), question, lines, ', '.join(answers)


# Family -> how often. The weights follow what `tools/train/evaluate` counts as wrong.
WEIGHTS = {'without_replacement': 26, 'with_replacement': 26, 'one_draw': 7, 'at_least_one': 5, 'either_order': 4, 'add_fractions': 7,
           'multiply_fractions': 5, 'simplify_fraction': 3, 'linear_equation': 6, 'mean': 5, 'common_divisor': 5, 'common_multiple': 4,
           'power': 4, 'percent': 4, 'multiplication': 3, 'division': 3, 'subtraction': 3, 'unit_price': 2, 'three_numbers': 4,
           'next_term': 4, 'addition': 3}
TAUGHT = {**maths.FAMILIES, **more_maths.FAMILIES, **probability.FAMILIES}
FAMILIES = {**{name: (TAUGHT[name][0], weight) for name, weight in WEIGHTS.items()}, 'draw_each': (draw_each, 14), 'reduce_each': (reduce_each, 6)}
