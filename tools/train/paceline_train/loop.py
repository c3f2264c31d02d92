"""The training loop: schedule, loss, log, checkpoints. Stops at any moment without loss beyond the last checkpoint."""
import io
import json
import os
import shutil
import signal
import time
from dataclasses import dataclass

import torch

from . import kernels
from .batches import LATE_MIXTURE, MIXTURE, PRACTICE_MIXTURE, validation_batch
from .kernels import Documents
from .model import Config, Model, initial_weights
from .optimizer import Optimizer

PIECE_BYTES = 15 << 20
DRAFT_WEIGHTS = (0.3, 0.2, 0.15)


@dataclass(frozen=True)
class Plan:
    steps: int
    rows: int = 3072
    warm: int = 60
    decay_share: float = 0.5        # the last part of the run lowers the rate to zero
    draft_from: float = 0.56        # from here the MTP block is trained too: it follows a good trunk quickly, and costs a quarter
    deep_from: float = 0.72         # and from here on its own hidden states, for deeper drafts
    late_from: float = 0.75         # the last part practises what is hardest
    muon_rate: float = 0.02
    adam_rate: float = 0.003
    weight_decay: float = 0.05
    checkpoint_seconds: int = 240
    validate_every: int = 250
    early_mixture: tuple = MIXTURE
    late_mixture: tuple = LATE_MIXTURE

    def rate(self, step):
        left = (self.steps - step) / max(1, self.steps * self.decay_share)
        return min(1.0, (step + 1) / self.warm, max(0.02, left))

    def mixture(self, step):
        return self.late_mixture if step >= self.steps * self.late_from else self.early_mixture

    def depth(self, step):
        return 3 if step >= self.steps * self.deep_from else 1 if step >= self.steps * self.draft_from else 0


def continuing(steps, share):
    """The plan of a run that starts from a finished file: `share` of a first run's rate, falling all the way, and the MTP block with
    its deeper drafts from the first step."""
    return Plan(steps, warm=max(1, steps // 20), decay_share=1.0, draft_from=0, deep_from=0, late_from=0, late_mixture=PRACTICE_MIXTURE,
                muon_rate=share * Plan.muon_rate, adam_rate=share * Plan.adam_rate)


@dataclass(frozen=True)
class Start:
    """Where a run begins: `origin` names it (a digest of a file, or nothing for random weights), so that a work folder keeps to one."""
    config: Config
    weights: dict
    origin: str = ''


def save_pieces(folder, name, state):
    """One checkpoint as a folder of files of at most 15 MiB, put in place by a rename."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    data, partial, final = buffer.getvalue(), os.path.join(folder, 'partial'), os.path.join(folder, name)
    shutil.rmtree(partial, ignore_errors=True)
    os.makedirs(partial)
    for i in range(0, len(data), PIECE_BYTES):
        with open(os.path.join(partial, f'{i // PIECE_BYTES:03d}'), 'wb') as file:
            file.write(data[i:i + PIECE_BYTES])
    shutil.rmtree(final, ignore_errors=True)
    os.rename(partial, final)


def load_pieces(path):
    data = b''
    for name in sorted(os.listdir(path)):
        with open(os.path.join(path, name), 'rb') as file:
            data += file.read()
    return torch.load(io.BytesIO(data), map_location='cpu')


def checkpoints(work):
    """Steps of the checkpoints in a work folder, oldest first."""
    names = os.listdir(work) if os.path.isdir(work) else []
    return sorted(int(name[5:]) for name in names if name.startswith('step-'))


def check_origin(work, saved, wanted):
    if saved != wanted:
        name = lambda origin: f'the file with sha256 {origin[:12]}...' if origin else 'random weights'
        raise SystemExit(f'{work}: this run began with {name(saved)}, not with {name(wanted)}; give the same --from, or another --work folder')


def load_weights(work, step=None):
    """(config, weights, state) of a checkpoint, the newest unless a step is given."""
    steps = checkpoints(work)
    if not steps or step is not None and step not in steps:
        raise SystemExit(f'{work}: no checkpoint{"" if step is None else f" of step {step}"} (found {steps})')
    state = load_pieces(os.path.join(work, f'step-{steps[-1] if step is None else step}'))
    return Config(**state['config']), state['weights'], state


def random_start(vocabulary, seed):
    config = Config(vocabulary=vocabulary)
    return Start(config, initial_weights(config, seed))


class Trainer:
    def __init__(self, plan, batches, work, device, start):
        self.plan, self.batches, self.work, self.device, self.origin = plan, batches, work, device, start.origin
        self.config, weights, self.step, self.tokens, self.seconds, saved = start.config, start.weights, 0, 0, 0.0, None
        if checkpoints(work):
            self.config, weights, saved = load_weights(work)
            check_origin(work, saved.get('origin', ''), start.origin)
            self.step, self.tokens, self.seconds, batches.position = (saved[k] for k in ('step', 'tokens', 'seconds', 'position'))
        self.weights = {name: w.to(device).requires_grad_(True) for name, w in weights.items()}
        self.optimizer = Optimizer({name: w.detach() for name, w in self.weights.items()}, self.config.width)
        if saved:
            self.optimizer.restore(saved['optimizer'])
        self.model = Model(self.config, self.weights)
        self.log = open(os.path.join(work, 'log.jsonl'), 'a', buffering=1)

    def losses(self, batch, depth, training=True):
        """[(loss, hits)] of the trunk and of each draft depth, each a mean over its learned rows."""
        ids, learned, offsets = batch
        tokens = torch.tensor(ids, device=self.device)
        documents = Documents(offsets, self.device)
        flags = torch.tensor(learned, device=self.device)
        index = documents.index
        hidden = self.model.trunk(tokens, documents)
        states = [hidden]
        if depth:                                       # deep drafts on a quarter of the documents: the trunk needs the time more
            shown = offsets if depth == 1 or not training else offsets[:len(offsets) // 4 + 1]
            states += self.model.draft(tokens[:shown[-1]], hidden[:shown[-1]], Documents(shown, self.device), depth)
        out = []
        for distance, state in enumerate(states, 1):
            rows = torch.arange(len(state), device=self.device)
            target = (rows + distance).clamp(max=len(ids) - 1)
            keep = (flags[target] & (index[target] == index[rows]) & (rows + distance < len(ids))).nonzero().squeeze(1)
            weight = torch.full((len(keep),), 1.0 / max(1, len(keep)), device=self.device)
            loss, hits = kernels.head_loss(state[keep], self.weights['token_embd.weight'], tokens[target[keep]], weight)
            out.append((loss, hits.float().mean()))
        return out, len(ids)

    def train_step(self):
        plan, depth = self.plan, self.plan.depth(self.step)
        parts, count = self.losses(self.batches.next(plan.mixture(self.step)), depth)
        total = parts[0][0] + sum(w * loss for w, (loss, _) in zip(DRAFT_WEIGHTS, parts[1:]))
        names = [name for name in self.weights if depth or not name.startswith(f'blk.{self.config.layers}.')]
        gradients = torch.autograd.grad(total, [self.weights[name] for name in names])
        norm = torch.sqrt(sum(g.square().sum() for g in gradients))
        if not torch.isfinite(norm):
            raise SystemExit(f'step {self.step}: the gradient is not finite; restart from the checkpoint')
        rate = plan.rate(self.step)
        clip = float(torch.clamp(1.0 / norm, max=1.0))
        self.optimizer.step({name: g * clip for name, g in zip(names, gradients)}, plan.muon_rate * rate, plan.adam_rate * rate,
                            plan.weight_decay)
        self.step += 1
        self.tokens += count
        return [float(loss) for loss, _ in parts], [float(hit) for _, hit in parts], float(norm), rate

    @torch.no_grad()
    def validate(self):
        out = {}
        for domain in ('math', 'python', 'shell', 'english'):
            parts, _ = self.losses(validation_batch(self.batches.tokenizer, domain, self.plan.rows), 3, training=False)
            out[domain] = {'loss': round(float(parts[0][0]), 4), 'hits': [round(float(hit), 4) for _, hit in parts]}
        return out

    def save(self):
        state = {'config': self.config.__dict__, 'weights': {k: w.detach().cpu() for k, w in self.weights.items()},
                 'optimizer': self.optimizer.state(), 'step': self.step, 'tokens': self.tokens, 'seconds': self.seconds,
                 'position': self.batches.position, 'origin': self.origin}
        save_pieces(self.work, f'step-{self.step}', state)
        for old in checkpoints(self.work)[:-3]:
            shutil.rmtree(os.path.join(self.work, f'step-{old}'))

    def write(self, **fields):
        line = {'step': self.step, 'tokens': self.tokens, 'seconds': round(self.seconds, 1), **fields}
        self.log.write(json.dumps(line) + '\n')
        print(json.dumps(line), flush=True)

    def run(self):
        """Train to plan.steps. A file named `pause` in the work folder holds the run for as long as it exists."""
        saved, smooth = time.monotonic(), None
        pause, stop = os.path.join(self.work, 'pause'), []
        signal.signal(signal.SIGTERM, lambda *_: stop.append(True))         # finish the step, save, leave
        while self.step < self.plan.steps and not stop:
            while os.path.exists(pause) and not stop:
                time.sleep(1)
            begin = time.monotonic()
            losses, hits, norm, rate = self.train_step()
            self.seconds += time.monotonic() - begin
            if self.step % 20 == 0:
                self.write(loss=[round(x, 4) for x in losses], hits=[round(x, 4) for x in hits], norm=round(norm, 3), rate=round(rate, 4),
                           step_seconds=round(time.monotonic() - begin, 2))
            if self.step % self.plan.validate_every == 0:
                self.write(validation=self.validate())
            if time.monotonic() - saved > self.plan.checkpoint_seconds:
                self.save()
                saved = time.monotonic()
        self.save()
