"""The lease under every fault: each run draws its own circumstances from its seed, a failing one prints seed and history."""

import random

from .faults import FAULTS, run
from .world import Profile


def profile(seed: int) -> Profile:
    """Few kinds of faults at a time find more than all at once (swarm testing)."""
    draw = random.Random(seed)
    return Profile(
        nodes=draw.choice([2, 2, 3]),
        semi_sync=draw.random() < 0.5,
        ttls=draw.choice([(5,), (5, 10), (3, 10)]),
        rates=draw.choice([(0.9, 1.1), (0.9, 1.0, 1.1)]),
        pause_s=draw.choice([0, 0, 20]),
        max_lag=draw.choice([2, 100]),
        slow=draw.choice([0, 0.05, 0.3]),
        loss=draw.choice([0, 0.02]),
        slow_close=draw.choice([0.1, 0.9]),
        slow_open=draw.choice([0, 0, 0.5]),
        ambush=draw.choice([0, 0.5]),
        faults=tuple(draw.sample(sorted(FAULTS), draw.choice([1, 2, 3, 5]))),
        calm=draw.choice([0, 0.5]),
        answer_timeout=draw.choice([0.1, 0.4, 0.8]),
    )


def test_one_writer_and_nothing_lost_under_any_fault(model_runs):
    for seed in range(model_runs):
        run(seed, profile(seed))


def test_a_cluster_without_faults_keeps_its_first_holder():
    for seed in range(10):
        world = run(seed, Profile(nodes=3, semi_sync=True))
        assert world.store.item["epoch"] == 0
        assert world.nodes["a"].mysqld.writable
        assert all(node.mysqld.semi_sync == (name == "a") for name, node in world.nodes.items())


def test_a_lost_primary_is_replaced_within_two_ttls():
    for seed in range(20):
        world = run(seed, Profile(nodes=2, length_ttls=2))
        world.nodes["a"].power_off()
        world.trouble()
        world.run(world.t + 2 * world.ttl)
        assert world.nodes["b"].mysqld.writable, world.log
