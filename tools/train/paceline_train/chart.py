"""The training log as one SVG picture: loss, share of right next tokens by depth, validation loss by domain."""
import json

WIDTH, HEIGHT, LEFT, TOP, PLOT_WIDTH, PLOT_HEIGHT = 920, 330, 50, 40, 240, 220
COLOURS = ('#1668b8', '#c2410c', '#15803d', '#7e22ce')
STYLE = ('<style>text{font:12px system-ui,sans-serif;fill:#333}.title{font-weight:600}.grid{stroke:#ddd}.axis{stroke:#888}'
         '@media(prefers-color-scheme:dark){text{fill:#ddd}.grid{stroke:#444}}</style>')


def read_log(path):
    """(training lines, validation lines), later lines of the same step winning: a resumed run repeats a few steps."""
    steps, validation = {}, {}
    with open(path) as file:
        for line in map(json.loads, file):
            (validation if 'validation' in line else steps)[line['step']] = line
    return [steps[k] for k in sorted(steps)], [validation[k] for k in sorted(validation)]


def smooth(points, weight=0.8):
    """[(x, y)] with y averaged over neighbours: single batches jump with the luck of their mixture."""
    out, value = [], None
    for x, y in points:
        value = y if value is None else weight * value + (1 - weight) * y
        out.append((x, value))
    return out


def panel(index, title, series, low, high, last):
    """One plot; series: [(name, [(tokens, value)])]."""
    left = LEFT + index * (PLOT_WIDTH + 60)
    place = lambda x, y: (left + PLOT_WIDTH * x / last, TOP + PLOT_HEIGHT * (1 - (min(max(y, low), high) - low) / (high - low)))
    out = [f'<text class="title" x="{left}" y="{TOP - 14}">{title}</text>']
    for i in range(5):
        value = low + (high - low) * i / 4
        y = place(0, value)[1]
        out.append(f'<line class="grid" x1="{left}" x2="{left + PLOT_WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/><text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{value:.4g}</text>')
    for i in range(3):
        x = place(last * i / 2, low)[0]
        out.append(f'<text x="{x:.1f}" y="{TOP + PLOT_HEIGHT + 18}" text-anchor="middle">{last * i / 2e6:.1f}</text>')
    for (name, points), colour, row in zip(series, COLOURS, range(9)):
        path = ' '.join(f'{x:.1f},{y:.1f}' for x, y in (place(*point) for point in points))
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        out.append(f'<text x="{left + 70 * (row % 4)}" y="{TOP + PLOT_HEIGHT + 42}" style="fill:{colour}">{name}</text>')
    return ''.join(out)


def draw(log, path):
    steps, validation = read_log(log)
    if len(steps) < 2:
        raise SystemExit(f'{log}: too short for a picture')
    last = steps[-1]['tokens']
    curve = lambda key, i: smooth([(s['tokens'], s[key][i]) for s in steps if len(s[key]) > i])
    names = ('trunk', 'draft 1', 'draft 2', 'draft 3')
    domains = list(validation[-1]['validation']) if validation else []
    parts = [panel(0, 'loss (nats per token)', [(n, curve('loss', i)) for i, n in enumerate(names)], 0, 4, last),
             panel(1, 'right next token, share', [(n, curve('hits', i)) for i, n in enumerate(names)], 0, 1, last),
             panel(2, 'validation loss of the trunk', [(d, [(v['tokens'], v['validation'][d]['loss']) for v in validation]) for d in domains], 0, 1, last)]
    label = f'<text x="{LEFT}" y="{HEIGHT - 8}">million tokens</text>'
    with open(path, 'w') as file:
        file.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Training curves">{STYLE}{"".join(parts)}{label}</svg>\n')
