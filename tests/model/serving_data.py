"""The data of a node in the model: clients' writes, replication, and coming back by the real `returning.course`."""

from __future__ import annotations

from agent.lease import last_copy, returning
from agent.lease.view import Peer

from .mysqld import lacks, text


class ServingData:
    """The half of a node that moves data; the other half is its agent."""

    # Replication and clients, a step at a time.

    def replicate(self) -> None:
        mysqld, source = self.mysqld, self.world.nodes.get(self.mysqld.source or "")
        if not mysqld.answers:
            return
        if source and source.mysqld.answers and not mysqld.writable and self.world.connected(self.name, source.name):
            mysqld.receive(source.mysqld)
            source.acknowledge()
        if not mysqld.slow_apply or self.world.random.random() < 0.02:
            mysqld.apply()

    def write(self) -> None:
        mysqld = self.mysqld
        if not mysqld.writable or mysqld.hung or len(mysqld.waiting) > 3:
            return
        write = mysqld.commit()
        self.world.committed(*write)
        if mysqld.semi_sync:
            mysqld.waiting.append(write)
            self.acknowledge()
        else:
            self.world.acknowledge(*write)

    def acknowledge(self) -> None:
        """A commit ends when every other member has received it."""
        others = [node.mysqld for node in self.world.nodes.values() if node is not self]
        if self.mysqld.writable and not self.mysqld.hung:
            done = [write for write in self.mysqld.waiting if all(other.has_received(*write) for other in others)]
            for write in done:
                self.world.acknowledge(*write)
                self.mysqld.waiting.remove(write)

    # Coming back.

    def _rejoin(self, agent: int) -> None:
        if self.agent is None or self.agents != agent:
            return
        self.world.at(0.15 * self.ttl, lambda: self._rejoin(agent))
        idle = self.agent.hold is None and self.agent.closing is None and self.agent.take is None and self.agent.watch
        if not idle or self.busy or not self.mysqld.answers or self.mysqld.writable or self.world.t < self.paused_until:
            return
        record = self.agent.watch.record
        if record is not None and record.holder != self.name:
            course = returning.course(self.local(), record, self._peer(record.holder), self._salvaged())
            getattr(self, f"_go_{type(course).__name__.lower()}")(course)

    def _peer(self, name: str) -> Peer | None:
        node = self.world.nodes.get(name)
        reachable = node and node.agent and self.world.connected(self.name, name)
        return Peer(name=name, boot_nonce=node.agent.boot_nonce, ttl_s=5, local=node.local()) if reachable else None

    def _salvaged(self) -> last_copy.Copy | None:
        if not self.world.salvage:
            return None
        return last_copy.Copy(where="s3", cluster_id="db", executed=text(self.world.salvage), verified=True)

    def _go_follow(self, course: returning.Follow) -> None:
        if lacks(self.world.nodes[course.source].mysqld.data, self.mysqld.data):
            self.world.violated(f"{self.name} follows {course.source}, which lacks some of its transactions")
        self.mysqld.source = course.source

    def _go_refuse(self, course: returning.Refuse) -> None:
        pass

    def _go_salvage(self, course: returning.Salvage) -> None:
        self.world.note(f"{self.name} salvages {course.gtids}")
        parts = dict(part.split(":") for part in course.gtids.split(","))
        for source, spans in parts.items():
            last = int(spans.split("-")[-1])
            self.world.salvage[source] = max(last, self.world.salvage.get(source, 0))

    def _go_clone(self, course: returning.Clone) -> None:
        self.busy, life, donor = True, self.mysqld.life, self.world.nodes[course.donor]
        donor_life, agent = donor.mysqld.life, self.agents

        def done() -> None:
            if self.agents != agent:
                return
            self.busy = False
            whole = donor.mysqld.life == donor_life and self.world.connected(self.name, donor.name)
            if whole and self.mysqld.life == life and not self.mysqld.writable:
                old, self.mysqld.data = self.mysqld.data, dict(donor.mysqld.data)
                self.world.note(f"{self.name} cloned from {donor.name}")
                self.mysqld.die()
                self.mysqld.uuid += "'"  # or its next transactions would bear the names of salvaged ones
                self.mysqld.start()
                self.world.destroyed(self, old)

        self.world.at(self.world.random.uniform(0.1, 0.6) * self.ttl, done)
