"""The generator: published vectors, uniformity, independence of addresses."""

import numpy as np
import pytest
from scipy import stats

from abm.randomness import Stream, exponential, normal, order_key, philox, seed_key, uniform, uniforms
from experiments.closed_forms import PHILOX_VECTORS


@pytest.mark.parametrize(("counter", "key", "expected"), PHILOX_VECTORS)
def test_published_vectors(counter, key, expected):
    words = philox(*(np.uint64(w) for w in (*counter, *key)))
    assert tuple(int(w) for w in words) == expected


def test_draws_are_uniform():
    """n = 1e6; Kolmogorov-Smirnov at 1e-6 sees a deviation of 0.0027 anywhere in the distribution."""
    draws = uniforms(seed_key(0), Stream.TEST, np.arange(1_000_000, dtype=np.int64))
    assert draws.min() >= 0.0
    assert draws.max() < 1.0
    assert stats.kstest(draws, "uniform").pvalue > 1e-6


@pytest.mark.parametrize("word", ["person", "occurrence", "stream", "kind", "seed"])
def test_neighbouring_addresses_are_independent(word):
    """Correlation of the draws at neighbouring addresses, n = 2e5: |r| < 4.9 / sqrt(n) fails by chance once in 1e6."""
    n = 200_000
    base = {"stream": int(Stream.TEST), "person": 7, "kind": 3, "occurrence": 11}
    if word == "seed":
        n = 20_000
        draws = np.array([uniform(seed_key(s), base["stream"], 7, 3, 11) for s in range(n)])
    else:
        draws = np.array([uniform(seed_key(1), *(base | {word: i}).values()) for i in range(n)])
    assert abs(np.corrcoef(draws[:-1], draws[1:])[0, 1]) < 4.9 / np.sqrt(n)
    assert stats.kstest(draws, "uniform").pvalue > 1e-6


def test_exponential_and_normal_have_their_distributions():
    """n = 2e5 each, Kolmogorov-Smirnov at 1e-6."""
    key, people = seed_key(3), range(200_000)
    assert stats.kstest([exponential(key, 99, p, 0, 0) for p in people], "expon").pvalue > 1e-6
    assert stats.kstest([normal(key, 99, p, 0, 0) for p in people], "norm").pvalue > 1e-6


def test_order_keys_of_different_people_and_days_differ():
    key = seed_key(5)
    keys = {int(order_key(key, p, k, d)) for p in range(200) for k in range(3) for d in range(20)}
    assert len(keys) == 200 * 3 * 20


def test_seed_keys_are_hashed_and_differ():
    keys = {tuple(seed_key(s, r)) for s in range(-3, 1000) for r in range(3)}
    assert len(keys) == 1003 * 3


def test_streams_have_numbers_of_their_own():
    assert len({int(s) for s in Stream}) == len(list(Stream))
