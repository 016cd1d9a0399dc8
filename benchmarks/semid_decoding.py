"""How much quicker codes are decoded here than by the usual library loop, with the same lists, in one run.

    python benchmarks/semid_decoding.py [--users 32] [--beams 20] [--threads 1] [--repeats 5]

The folder with the published ids is read from RECAUDIT_DATA.
Masks: which codes may follow, for all users' beams at one step on the Beauty catalogue's published ids, by
the tree here and by the library's processor over a tree of dictionaries; both apply it to the same scores.
Recommending: a small T5 with random weights writes each user's best tuples, by the loop here and by
``generate`` with the same prefixes allowed; both score over the legal codes, so the lists must be the same.
Large: a drawn catalogue of a million items: time to build, size, and what the search costs without a network.
Each figure is the median over the repeats; factors are medians of the repeats' ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import torch
from recaudit.models.data import IntArray
from recaudit.models.semid._beam import beam_search
from recaudit.models.semid._trie import Trie
from transformers import T5Config, T5ForConditionalGeneration
from transformers.generation.logits_process import PrefixConstrainedLogitsProcessor

SIZES = (256, 256, 256, 256)
HISTORY = 20
Nodes = dict[int, "Nodes"]  # type: ignore[misc]


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def against(theirs: Callable[[], object], ours: Callable[[], object], repeats: int) -> tuple[float, ...]:
    """The usual way's seconds, the seconds here, and the factor."""
    theirs(), ours()
    times = [(seconds(theirs), seconds(ours)) for _ in range(repeats)]
    slow, quick = (median(column) for column in zip(*times, strict=True))
    return slow, quick, median(a / b for a, b in times)


def beauty() -> tuple[IntArray, list[list[int]]]:
    """The published ids of the Beauty catalogue, shape ``(12101, 4)``, and everyone's items in time order."""
    folder = Path(os.environ["RECAUDIT_DATA"]) / "amazon" / "beauty" / "tiger"
    ids = json.loads((folder / "index_rqvae.json").read_text())
    sequences = json.loads((folder / "inter.json").read_text())
    return np.array([ids[str(item)] for item in range(len(ids))]), list(sequences.values())


class Dictionaries:
    """The usual tree: a dictionary a node, walked from the root for every beam; a code's token is unique."""

    def __init__(self, codes: IntArray, *, shift: int) -> None:
        self.root: Nodes = {}
        self.shift = shift
        for tuple_ in (codes + shift * (1 + 256 * np.arange(codes.shape[1]))).tolist():
            node = self.root
            for token in tuple_:
                node = node.setdefault(token, {})

    def __call__(self, batch: int, tokens: torch.Tensor) -> list[int]:
        """The tokens that may follow; with a shift the first token is the start sign."""
        node = self.root
        for token in tokens.tolist()[self.shift :]:
            node = node[token]
        return list(node)


def masks(codes: IntArray, users: int, beams: int, repeats: int) -> None:
    trie, rows = Trie.of(codes, SIZES), users * beams
    processor = PrefixConstrainedLogitsProcessor(Dictionaries(codes, shift=0), beams)
    rng = np.random.default_rng(0)
    written = torch.from_numpy(codes[rng.integers(0, len(codes), rows)])
    scores = torch.from_numpy(rng.standard_normal((rows, 256), dtype=np.float32))
    states = torch.zeros(rows, dtype=torch.long)
    for level in range(len(SIZES)):
        prefix, at = written[:, :level], states

        def theirs(prefix: torch.Tensor = prefix) -> torch.Tensor:
            return torch.as_tensor(processor(prefix, scores))

        def ours(level: int = level, at: torch.Tensor = at) -> torch.Tensor:
            return torch.where(trie.legal(level, at), scores, -torch.inf)

        same = torch.equal(theirs(), ours())
        slow, quick, factor = against(theirs, ours, 4 * repeats)
        print(
            f"mask, place {level + 1}, at most {trie.widths[level]:3} codes: {1e3 * slow:6.1f} ms against "
            f"{1e3 * quick:.2f} ms, {factor:.0f} times as quick, same scores: {same}"
        )
        states = trie.advance(level, states, written[:, level])


def small_t5() -> T5ForConditionalGeneration:
    """TIGER's shape with random weights; token 0 is blank and start, and every place has its own tokens."""
    torch.manual_seed(0)
    config = T5Config(
        vocab_size=1 + sum(SIZES),
        d_model=128,
        d_kv=64,
        d_ff=1024,
        num_heads=6,
        num_layers=4,
        num_decoder_layers=4,
        pad_token_id=0,
        eos_token_id=None,
        decoder_start_token_id=0,
    )
    return T5ForConditionalGeneration(config).eval()


class Writer:
    """The decoder of a T5, one code at a time, with keys and values kept and the encoder's never repeated."""

    def __init__(self, network: T5ForConditionalGeneration, seen: torch.Tensor) -> None:
        self.network, self.n = network, len(seen)
        self.heads, self.dim = network.config.num_heads, network.config.d_kv
        memory = network.encoder(input_ids=seen, attention_mask=(seen > 0).long()).last_hidden_state
        self.hidden = torch.zeros(self.n, 1, 1, seen.shape[1]).masked_fill_((seen == 0)[:, None, None], -1e9)
        layers = [block.layer for block in network.decoder.block]
        self.memory = [
            (self.split(part.k(memory)), self.split(part.v(memory)))
            for part in (layer[1].EncDecAttention for layer in layers)
        ]
        self.written: list[tuple[torch.Tensor, torch.Tensor]] = []

    def split(self, x: torch.Tensor) -> torch.Tensor:
        """Heads apart: ``(n, length, heads * d)`` as ``(n, heads, length, d)``."""
        return x.view(*x.shape[:2], self.heads, self.dim).transpose(1, 2)

    def logits(self, level: int, tokens: torch.Tensor, parents: torch.Tensor) -> torch.Tensor:
        """The logits of a place's codes, shape ``(rows, 256)``; ``tokens`` are the row's last ones."""
        decoder, attend = self.network.decoder, torch.nn.functional.scaled_dot_product_attention
        own = decoder.block[0].layer[0].SelfAttention
        bias = own.compute_bias(1, level + 1, past_seen_tokens=level)
        kept, self.written = self.written, []
        x = self.network.shared(tokens)
        for place, block in enumerate(decoder.block):
            own, cross, ahead = block.layer[0].SelfAttention, block.layer[1].EncDecAttention, block.layer[2]
            normed = block.layer[0].layer_norm(x)[:, None]
            k, v = self.split(own.k(normed)), self.split(own.v(normed))
            if level:
                old_k, old_v = (old.index_select(0, parents) for old in kept[place])
                k, v = torch.cat([old_k, k], dim=2), torch.cat([old_v, v], dim=2)
            self.written.append((k, v))
            met = attend(self.split(own.q(normed)), k, v, attn_mask=bias, scale=1.0)
            x = x + own.o(met.transpose(1, 2).reshape(len(x), -1))
            query = self.split(cross.q(block.layer[1].layer_norm(x)).view(self.n, -1, self.heads * self.dim))
            met = attend(query, *self.memory[place], attn_mask=self.hidden, scale=1.0)
            x = ahead(x + cross.o(met.transpose(1, 2).reshape(len(x), -1)))
        x = decoder.final_layer_norm(x)
        if self.network.config.scale_decoder_outputs:
            x = x * self.network.config.d_model**-0.5
        ends = 1 + 256 * level
        return x @ self.network.lm_head.weight[ends : ends + 256].T

    def start(self) -> torch.Tensor:
        """The logits of the first code, one row a user."""
        nothing = torch.zeros(self.n, dtype=torch.long)
        return self.logits(0, nothing, nothing)

    def step(self, level: int, tokens: torch.Tensor, parents: torch.Tensor) -> torch.Tensor:
        """The logits of a later code, one row a beam."""
        return self.logits(level, tokens[:, -1] + 1 + 256 * (level - 1), parents)


def recommending(codes: IntArray, sequences: list[list[int]], beams: int, repeats: int) -> None:
    network, trie, allowed = small_t5(), Trie.of(codes, SIZES), Dictionaries(codes, shift=1)
    tokens = codes + 1 + 256 * np.arange(4)
    seen = torch.zeros(len(sequences), 4 * HISTORY, dtype=torch.long)
    for row, items in zip(seen, sequences, strict=True):
        last = torch.from_numpy(tokens[items[-HISTORY:]].ravel())
        row[: len(last)] = last

    def theirs() -> tuple[torch.Tensor, torch.Tensor]:
        out = network.generate(
            input_ids=seen,
            attention_mask=(seen > 0).long(),
            max_new_tokens=4,
            num_beams=beams,
            num_return_sequences=beams,
            prefix_allowed_tokens_fn=allowed,
            renormalize_logits=True,
            length_penalty=0.0,
            output_scores=True,
            return_dict_in_generate=True,
        )
        written = out.sequences[:, 1:] - 1 - 256 * torch.arange(4)
        return written.view(len(seen), beams, 4), out.sequences_scores.view(len(seen), beams)

    def ours() -> tuple[torch.Tensor, torch.Tensor]:
        with torch.inference_mode():
            writer = Writer(network, seen)
            return beam_search(writer.start(), writer.step, trie, beams=beams, sizes=SIZES, normalise="legal")

    (their_codes, their_scores), (our_codes, our_scores) = theirs(), ours()
    same = (their_codes == our_codes).all(dim=2)
    apart = float((their_scores - our_scores).abs().max())
    print(f"same tuple at {int(same.sum())} of {same.numel()} places; scores differ by at most {apart:.1e}")
    slow, quick, factor = against(theirs, ours, repeats)
    with torch.inference_mode():
        reading = median(seconds(lambda: Writer(network, seen)) for _ in range(repeats))
    print(
        f"recommending to {len(seen)} users, {beams} beams: {slow:.2f} s against {quick:.3f} s, "
        f"{factor:.1f} times as quick; reading the history takes {reading / quick:.0%} of it, "
        f"the tree and the beams {searching(trie, len(seen), beams, repeats) / quick:.1%}"
    )


def searching(trie: Trie, users: int, beams: int, repeats: int) -> float:
    """Seconds of a whole search whose network costs nothing: all that is not the network."""
    drawn = torch.randn(users * beams, 256, generator=torch.Generator().manual_seed(0))

    def step(level: int, tokens: torch.Tensor, parents: torch.Tensor) -> torch.Tensor:
        return drawn[: len(tokens)]

    def work() -> object:
        return beam_search(drawn[:users], step, trie, beams=beams, sizes=SIZES, normalise="legal")

    work()
    return median(seconds(work) for _ in range(10 * repeats))


def large(codes: IntArray, users: int, beams: int, repeats: int) -> None:
    drawn = np.random.default_rng(0).integers(0, 256, (1_000_000, 4))
    began = time.perf_counter()
    trie = Trie.of(drawn, SIZES)
    built = time.perf_counter() - began
    size = sum(
        a.nbytes for a in (*trie.starts, *trie.tokens, *trie.tables, trie.codes, trie.leaves, trie.ordered)
    )
    small, big = (searching(one, users, beams, repeats) for one in (Trie.of(codes, SIZES), trie))
    print(
        f"{len(trie):,} tuples of 1,000,000 items: built in {built:.1f} s, {size / 1e6:.0f} MB, search "
        f"without a network {1e3 * big:.1f} ms, {big / small:.1f} times that of Beauty ({1e3 * small:.1f} ms)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--users", type=int, default=32)
    parser.add_argument("--beams", type=int, default=20)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    codes, sequences = beauty()
    masks(codes, given.users, given.beams, given.repeats)
    recommending(codes, sequences[: given.users], given.beams, given.repeats)
    large(codes, given.users, given.beams, given.repeats)


if __name__ == "__main__":
    main()
