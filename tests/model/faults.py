"""The adversary: one fault after another, chosen by the seed. Each ends, and the world is calm when all have."""

from __future__ import annotations

from collections.abc import Callable

from agent.lease.state import Switchover

from .world import Profile, World

Fault = Callable[[World], None]


def _for(world: World, seconds: float, undo: Callable[[], None]) -> None:
    over = world.trouble()

    def end() -> None:
        undo()
        over()

    world.at(seconds, end)


def _span(world: World, low: float, high: float) -> float:
    return world.random.uniform(low, high) * world.ttl


def _any(world: World):
    """Mostly the one that is writable: there the danger is."""
    writable = [node for node in world.nodes.values() if node.mysqld.writable]
    return writable[0] if writable and world.random.random() < 0.6 else world.random.choice(list(world.nodes.values()))


def _writable(world: World) -> str:
    return next((name for name, node in world.nodes.items() if node.mysqld.writable), "a")


def _cut(world: World, links: set[tuple[str, str]], seconds: float) -> None:
    links -= world.cut
    world.cut |= links
    world.note(f"cut {sorted(links)} for {seconds / world.ttl:.2f}")
    _for(world, seconds, lambda: world.cut.difference_update(links))


def partition(world: World) -> None:
    """A node from everybody, the store, or another; both ways or one."""
    node = _any(world).name
    others = [*(name for name in world.nodes if name != node), "store"]
    targets = world.random.choice([others, ["store"], ["store"], others[:-1], [world.random.choice(others)]])
    out, back = {(node, other) for other in targets}, {(other, node) for other in targets}
    _cut(world, world.random.choice([out | back, out | back, out, back]), _span(world, 0.3, 4))


def isolation(world: World) -> None:
    """The writable node from everybody, for longer than the lease lasts; both ways, or only one."""
    node = _writable(world)
    others = [*(name for name in world.nodes if name != node), "store"]
    back = {(other, node) for other in others}
    out = {(node, other) for other in others}
    _cut(world, world.random.choice([out | back, out, back]), _span(world, 1.2, 3))


def blind(world: World) -> None:
    """The writable node from the store, and from some of the others but not all."""
    node = _writable(world)
    others = [name for name in world.nodes if name != node]
    unseen = ["store", *world.random.sample(others, world.random.randrange(len(others)))]
    _cut(world, {(node, other) for other in unseen} | {(other, node) for other in unseen}, _span(world, 1.2, 4))


def severed(world: World) -> None:
    """The nodes from one another, not from the store."""
    one, other = world.random.sample(sorted(world.nodes), 2)
    _cut(world, {(one, other), (other, one)}, _span(world, 0.3, 3))


def delay(world: World) -> None:
    """Everything on one directed link comes late, in order."""
    node = world.random.choice(sorted(world.nodes))
    other = world.random.choice([*(name for name in world.nodes if name != node), "store", "store"])
    link = world.random.choice([(node, other), (other, node)])
    world.delays[link] = _span(world, *world.random.choice([(0.05, 0.3), (0.3, 0.7)]))
    world.note(f"{link} late by {world.delays[link] / world.ttl:.2f}")
    _for(world, _span(world, 0.5, 4), lambda: world.delays.pop(link, None))


def outage(world: World) -> None:
    seconds = _span(world, 0.2, 4)
    world.note(f"store down for {seconds / world.ttl:.2f}")
    world.endure(seconds, lambda: setattr(world.store, "up", True))
    world.store.up = False


def rollback(world: World) -> None:
    """Longer than a watch may have a gap: nobody restores a table in less."""
    world.store.up = False
    world.note("store down for a restore")
    epoch = world.store.item["epoch"] if world.store.item else 0
    since = next((n for n, item in enumerate(reversed(world.store.history)) if item and item["epoch"] < epoch), 1)
    age = world.random.choice([1, 2, 4, since, since, since + 1])

    def undo() -> None:
        world.store.up = True
        world.restore(age)
        world.note(f"store restored {age} back: epoch {world.store.item['epoch']} of {world.store.item['holder']}")

    _for(world, _span(world, 0.35, 1.5), undo)


def loss(world: World) -> None:
    world.note("item lost")
    world.store.lose()
    _for(world, _span(world, 1.2, 4), lambda: world.restore(1) if world.store.lost else None)


def agent_crash(world: World) -> None:
    seconds = _span(world, 0.05, 1)
    _any(world).crash(seconds)
    _for(world, seconds, lambda: None)


def agent_pause(world: World) -> None:
    node, seconds = _any(world), _span(world, 0.01, 1)
    world.note(f"{node.name} agent paused {seconds / world.ttl:.2f}")
    node.pause(seconds)
    _for(world, seconds, lambda: None)


def power(world: World) -> None:
    node, seconds = _any(world), _span(world, 0.1, 4)
    if node.powered:
        world.note(f"{node.name} power cut {seconds / world.ttl:.2f}")
        node.power_off()
        _for(world, seconds, node.power_on)


def volume(world: World) -> None:
    """A power cut that the volume does not survive; one in a run, or nothing is left to check."""
    node = _any(world)
    if node.powered and not world.unpromised:
        world.note(f"{node.name} loses its volume")
        world.unpromised = True
        node.power_off()
        node.mysqld.data, node.mysqld.uuid = {}, node.mysqld.uuid + "*"
        _for(world, _span(world, 0.1, 3), node.power_on)


def mysqld_crash(world: World) -> None:
    node, seconds = _any(world), _span(world, 0.05, 2)
    if node.powered and node.mysqld.up:
        world.note(f"{node.name} mysqld dies for {seconds / world.ttl:.2f}")
        node.mysqld.die()
        _for(world, seconds, lambda: node.powered and node.mysqld.start())


def mysqld_gone(world: World) -> None:
    """It dies and does not start again for long; a trouble only until the restart budget is over."""
    node = _any(world)
    if node.powered and node.mysqld.up:
        world.note(f"{node.name} mysqld dies for long")
        budget_s = node.settings.restart_budget_s / node.rate
        world.endure(_span(world, 6, 9), lambda: node.powered and node.mysqld.start(), trouble_s=budget_s)
        node.mysqld.die()


def mysqld_hang(world: World) -> None:
    node, seconds = _any(world), _span(world, 0.05, 2)
    if node.mysqld.up:
        world.note(f"{node.name} mysqld hangs for {seconds / world.ttl:.2f}")
        node.mysqld.hung = True
        _for(world, seconds, lambda: setattr(node.mysqld, "hung", False))


def lag(world: World) -> None:
    node = world.random.choice(list(world.nodes.values()))
    node.mysqld.slow_apply = True
    _for(world, _span(world, 0.5, 4), lambda: setattr(node.mysqld, "slow_apply", False))


def switchover(world: World) -> None:
    node = _any(world)
    to = world.random.choice([name for name in world.nodes if name != node.name])
    world.note(f"switchover from {node.name} to {to}")
    node.tell(Switchover(to))
    _for(world, 0.1 * world.ttl, lambda: None)


FAULTS: dict[str, Fault] = {
    fault.__name__: fault
    for fault in (
        partition,
        isolation,
        blind,
        severed,
        delay,
        outage,
        rollback,
        loss,
        agent_crash,
        agent_pause,
        power,
        volume,
        mysqld_crash,
        mysqld_gone,
        mysqld_hang,
        lag,
        switchover,
    )
}


def run(seed: int, profile: Profile) -> World:
    """One run, to its end in calm. Raises Violation."""
    world = World(seed, profile)

    def strike() -> None:
        if profile.faults and world.random.random() >= profile.calm:
            FAULTS[world.random.choice(profile.faults)](world)
        burst = world.random.random() < 0.4
        world.at(_span(world, 0, 0.3) if burst else _span(world, 0.3, 2.5), strike)

    def traffic() -> None:
        for node in world.nodes.values():
            node.write()
            node.replicate()
        world.at(0.04 * world.ttl, traffic)

    traffic()
    world.at(_span(world, 0.5, 2), strike)
    world.run(profile.length_ttls * world.ttl)
    return world
